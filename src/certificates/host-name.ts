/**
 * Whether a certificate is for a host, by the rules of Go's `crypto/x509`: its subject alternative names
 * decide, and never its common name (RFC 9525 section 2).
 *
 * @module
 */

import { type IpAddress, addressOf, isSameAddress, parseAddress } from "../ip-address.ts";
import type { CertificateParts } from "./certificate.ts";
import { DerReader, SEQUENCE } from "./der.ts";

const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
const DNS_NAME = 0x82;
const URI = 0x86;
const IP_ADDRESS = 0x87;

/** What a certificate is for. */
export interface AlternativeNames {
  readonly hosts: readonly string[];
  readonly addresses: readonly IpAddress[];
  readonly uris: readonly string[];
}

/**
 * Reads the names of a certificate that a server can be asked for.
 *
 * @throws {Error} if the extension is malformed.
 */
export function alternativeNames({ extensions }: CertificateParts): AlternativeNames {
  const hosts: string[] = [];
  const addresses: IpAddress[] = [];
  const uris: string[] = [];
  const extension = extensions.get(SUBJECT_ALTERNATIVE_NAME);
  if (extension === undefined) return { hosts, addresses, uris };
  const names = new DerReader(new DerReader(extension.value).next(SEQUENCE).content);
  while (!names.atEnd) {
    const { tag, content } = names.next();
    if (tag === DNS_NAME) hosts.push(String.fromCharCode(...content));
    if (tag === URI) uris.push(String.fromCharCode(...content));
    if (tag !== IP_ADDRESS) continue;
    const address = addressOf(content);
    if (address === undefined) throw new Error("an IP address is neither four nor sixteen bytes");
    addresses.push(address);
  }
  return { hosts, addresses, uris };
}

/**
 * Whether names are for a host.
 *
 * @param names What the certificate has.
 * @param host A host name, with or without the final dot, or an IP address.
 */
export function includesHost(
  { hosts, addresses }: Pick<AlternativeNames, "hosts" | "addresses">,
  host: string,
): boolean {
  const address = parseAddress(host.replace(/^\[(.*)\]$/, "$1"));
  if (address !== undefined) return addresses.some((known) => isSameAddress(known, address));
  const name = host.toLowerCase();
  return hosts.some((pattern) => matches(pattern.toLowerCase(), name));
}

/** In lower case, both. */
function matches(pattern: string, host: string): boolean {
  const wanted = host.endsWith(".") ? host.slice(0, -1) : host;
  // Names that are none are matched as they are, and never by a wildcard.
  if (!isName(wanted) || !isName(pattern.replace(/^\*\./, "a."))) {
    return pattern === host && pattern !== "" && pattern !== ".";
  }
  if (!pattern.startsWith("*.")) return pattern === wanted;
  // A wildcard stands for one whole label.
  const dot = wanted.indexOf(".");
  return dot !== -1 && wanted.slice(dot) === pattern.slice(1);
}

/** Underscores are no part of host names, but common inside clusters. */
function isName(text: string): boolean {
  return text.split(".").every((label) => /^[a-z0-9_][a-z0-9_-]*$/.test(label));
}
