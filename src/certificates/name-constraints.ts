/**
 * What the names below an authority must not be (RFC 5280 section 4.2.1.10), as far as OpenSSL does not look.
 *
 * @module
 */

import type { CertificateParts } from "./certificate.ts";
import { DerReader, SEQUENCE } from "./der.ts";

const NAME_CONSTRAINTS = "2.5.29.30";
const EXCLUDED = 0xa1;
const DNS_NAME = 0x82;

/** The host names that an authority must not vouch for, in lower case. */
function excludedHosts({ extensions }: CertificateParts): string[] {
  const extension = extensions.get(NAME_CONSTRAINTS);
  if (extension === undefined) return [];
  const hosts: string[] = [];
  const constraints = new DerReader(new DerReader(extension.value).next(SEQUENCE).content);
  while (!constraints.atEnd) {
    const { tag, content } = constraints.next();
    if (tag !== EXCLUDED) continue;
    const subtrees = new DerReader(content);
    while (!subtrees.atEnd) {
      const base = new DerReader(subtrees.next(SEQUENCE).content).next();
      if (base.tag === DNS_NAME) hosts.push(String.fromCharCode(...base.content).toLowerCase());
    }
  }
  return hosts;
}

/**
 * Whether a wildcard among the names stands for one that an authority must not vouch for. Libraries compare the
 * wildcard itself; Go's `crypto/x509` compares what it stands for.
 *
 * @throws {Error} if the extension is malformed.
 */
export function excludesWildcard(authority: CertificateParts, hosts: readonly string[]): boolean {
  const excluded = excludedHosts(authority);
  return hosts.some((host) => {
    if (!host.startsWith("*.")) return false;
    const parent = host.slice(1).toLowerCase();
    return excluded.some((name) => name.slice(name.indexOf(".")) === parent);
  });
}
