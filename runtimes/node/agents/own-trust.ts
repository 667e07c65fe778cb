/**
 * Options of Node's by which a single connection would have a trust or an identity of its own. The secure
 * context of the generation would silently win over them: they are refused.
 *
 * @module
 */

import type { SecureContextOptions } from "node:tls";
import { ConfigError } from "../../../src/errors.ts";

/** Those names, for types. */
export type OwnTrust =
  | keyof SecureContextOptions
  | "secureContext"
  | "rejectUnauthorized"
  | "checkServerIdentity"
  | "session";

const names: readonly string[] = [
  "ca",
  "cert",
  "key",
  "pfx",
  "passphrase",
  "crl",
  "allowPartialTrustChain",
  "ciphers",
  "sigalgs",
  "ecdhCurve",
  "minVersion",
  "maxVersion",
  "secureProtocol",
  "secureOptions",
  "privateKeyIdentifier",
  "secureContext",
  "checkServerIdentity",
] satisfies OwnTrust[];

/** @throws {ConfigError} where there is one of them. */
export function refuseOwnTrust(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    const weakens = name === "rejectUnauthorized" && value === false;
    if (!weakens && (!names.includes(name) || value === undefined || value === null)) continue;
    throw new ConfigError(
      `Cannot use option ${name}: whom to trust and what to show is for the sources to say that all connections have in common`,
    );
  }
}
