/**
 * The identity that a server is expected to have, as a caller describes it.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { kindOf } from "../options.ts";

/** The names that a server's certificate carries in its subject alternative name. */
export interface PeerNames {
  /** Its DNS names, as they are written. They may contain wildcards. */
  readonly dnsNames: readonly string[];
  /** Its IP addresses, as in `10.96.0.1` and `fd00::1`. */
  readonly ipAddresses: readonly string[];
  /** Its URIs, a SPIFFE ID among them if it has one. */
  readonly uris: readonly string[];
}

/**
 * Which server to expect: a SPIFFE ID (`spiffe://domain/path`), or a function that returns `true` for the names of
 * the right server. Anything else than `true` rejects the server, and so does an exception.
 */
export type ServerIdentity = string | ((names: PeerNames) => boolean);

const MAX_ID_LENGTH = 2048;

/**
 * A SPIFFE ID of a workload (SPIFFE-ID section 2, X509-SVID section 3.1): a trust domain in lower case, and a path
 * without empty segments, `.` and `..`.
 */
const spiffeId = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/;

/**
 * Checks the option `serverIdentity`.
 *
 * @throws {TypeError} if it is neither text nor a function.
 * @throws {ConfigError} if it is text and no SPIFFE ID.
 */
export function checkServerIdentityOption(given: unknown): void {
  if (typeof given === "function") return;
  if (typeof given !== "string") {
    throw new TypeError(
      `Cannot use option serverIdentity: expected a SPIFFE ID or a function, not ${kindOf(given)}`,
    );
  }
  if (given.length <= MAX_ID_LENGTH && spiffeId.test(given)) return;
  throw new ConfigError(
    "Cannot use option serverIdentity: it is no SPIFFE ID, such as spiffe://example.org/ns/shop/sa/billing",
  );
}
