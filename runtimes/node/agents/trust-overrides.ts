/**
 * Options of Node's that would give a single connection a trust or an identity of its own. The secure context of the
 * generation would win over them without a word, so they are rejected.
 *
 * @module
 */

import type { SecureContextOptions } from "node:tls";
import { ConfigError } from "../../../src/errors.ts";

/** Those names, for types. */
export type TrustOverride =
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
] satisfies TrustOverride[];

/** @throws {ConfigError} if there is one of them. */
export function rejectTrustOverrides(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    const weakens = name === "rejectUnauthorized" && value === false;
    if (!weakens && (!names.includes(name) || value === undefined || value === null)) continue;
    throw new ConfigError(
      `Cannot use option ${name}: whom to trust and what to show is for the sources to say that all connections have in common`,
    );
  }
}
