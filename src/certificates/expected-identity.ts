/**
 * Which identity a server's certificate must carry in place of the URL's host name.
 *
 * @module
 */

import { cleanMessage } from "../clean-text.ts";
import { messageOf } from "../callback.ts";
import { formatAddress } from "../ip-address.ts";
import { kindOf } from "../options.ts";
import { type CertificateParts, readParts } from "./certificate.ts";
import { type AlternativeNames, alternativeNames } from "./host-name.ts";
import { isAuthority } from "./issuer.ts";
import type { PeerNames, ServerIdentity } from "./spiffe-id.ts";

/** A server's certificate does not carry the expected identity. Its code is Node's for a wrong host name. */
export class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly code = "ERR_TLS_CERT_ALTNAME_INVALID";
}

/** More names than these make no message clearer. */
const MAX_SHOWN_NAMES = 5;
const MAX_SHOWN_LENGTH = 300;

/**
 * Checks a certificate that an anchor vouches for.
 *
 * @param der The server's own.
 * @returns Why it is rejected; `undefined` if it has the identity.
 * @throws {Error} if it is malformed.
 */
export function checkExpectedIdentity(
  der: Uint8Array,
  expected: ServerIdentity,
): IdentityError | undefined {
  const leaf = readParts(der);
  const names = alternativeNames(leaf);
  const problem =
    typeof expected === "string"
      ? spiffeProblem(leaf, names.uris, expected)
      : functionProblem(toPeerNames(names), expected);
  if (problem === undefined) return undefined;
  return new IdentityError(`${problem}; connect to the right server, or correct serverIdentity`);
}

/** By the rules of X509-SVID section 5.2. */
function spiffeProblem(
  leaf: CertificateParts,
  uris: readonly string[],
  expected: string,
): string | undefined {
  const wrong = `serverIdentity expects ${expected}, and`;
  const [uri, ...others] = uris;
  if (uri === undefined) return `${wrong} its certificate carries no URI`;
  if (others.length > 0) {
    return `${wrong} its certificate carries ${uris.length} URIs in place of one: ${shown(uris)}`;
  }
  if (uri !== expected) return `${wrong} its certificate carries ${shown(uris)}`;
  if (isAuthority(leaf)) {
    return `${wrong} its certificate carries it but is an authority's`;
  }
  return undefined;
}

function functionProblem(
  names: PeerNames,
  isExpected: (names: PeerNames) => unknown,
): string | undefined {
  const { dnsNames, ipAddresses, uris } = names;
  let answer: unknown;
  try {
    answer = isExpected(names);
  } catch (cause) {
    return `the function serverIdentity threw: ${messageOf(cause)}`;
  }
  if (answer === true) return undefined;
  // An asynchronous function would accept every server. Its own failure is nobody's.
  Promise.resolve(answer).catch(() => {});
  const returned = answer === false ? "" : `, by returning ${kindOf(answer)} in place of true`;
  const all = [...uris, ...dnsNames, ...ipAddresses];
  return `the function serverIdentity rejects what its certificate carries${returned}: ${shown(all)}`;
}

function toPeerNames({ hosts, addresses, uris }: AlternativeNames): PeerNames {
  return Object.freeze({
    dnsNames: Object.freeze([...hosts]),
    ipAddresses: Object.freeze(addresses.map(formatAddress)),
    uris: Object.freeze([...uris]),
  });
}

/** The server's own text, and perhaps a lot of it. */
function shown(names: readonly string[]): string {
  if (names.length === 0) return "no names";
  const first = names.slice(0, MAX_SHOWN_NAMES).map((name) => cleanMessage(name, MAX_SHOWN_LENGTH));
  const left = names.length - first.length;
  return left > 0 ? `${first.join(", ")} and ${left} more` : first.join(", ");
}
