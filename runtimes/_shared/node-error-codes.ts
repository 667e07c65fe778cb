/**
 * What Node's error codes mean, which Bun has taken over, and Deno in its `node:tls`: those of OpenSSL
 * and BoringSSL for a certificate that they reject, and those of the operating system.
 *
 * @module
 */

import type { Failure } from "../../src/runtime.ts";
import { codeOf } from "./code-of.ts";

const failures: Readonly<Record<string, Failure>> = {
  // No chain to an anchor (OpenSSL's `X509_V_ERR_*`, without the prefix).
  UNABLE_TO_GET_ISSUER_CERT: "unknown-authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown-authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown-authority",
  SELF_SIGNED_CERT_IN_CHAIN: "unknown-authority",
  DEPTH_ZERO_SELF_SIGNED_CERT: "unknown-authority",
  CERT_UNTRUSTED: "unknown-authority",
  CERT_REJECTED: "unknown-authority",
  // An anchor of the right name, but another key: how a cluster's rotation looks, whose old and new CA
  // share their subject, where neither carries a key identifier.
  CERT_SIGNATURE_FAILURE: "unknown-authority",
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: "unknown-authority",
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: "unknown-authority",
  // An anchor that may not sign this.
  INVALID_CA: "unknown-authority",
  INVALID_PURPOSE: "unknown-authority",
  PATH_LENGTH_EXCEEDED: "unknown-authority",
  INVALID_NON_CA: "unknown-authority",
  KEYUSAGE_NO_CERTSIGN: "unknown-authority",
  // Names that it must not vouch for, or extensions that nobody understands.
  PERMITTED_VIOLATION: "unknown-authority",
  EXCLUDED_VIOLATION: "unknown-authority",
  SUBTREE_MINMAX: "unknown-authority",
  UNSUPPORTED_CONSTRAINT_TYPE: "unknown-authority",
  UNSUPPORTED_CONSTRAINT_SYNTAX: "unknown-authority",
  UNSUPPORTED_NAME_SYNTAX: "unknown-authority",
  UNHANDLED_CRITICAL_EXTENSION: "unknown-authority",
  INVALID_EXTENSION: "unknown-authority",
  INVALID_POLICY_EXTENSION: "unknown-authority",
  NO_EXPLICIT_POLICY: "unknown-authority",
  // Keys that tell two issuers of one name apart.
  SUBJECT_ISSUER_MISMATCH: "unknown-authority",
  AKID_SKID_MISMATCH: "unknown-authority",
  AKID_ISSUER_SERIAL_MISMATCH: "unknown-authority",
  // Too weak.
  EE_KEY_TOO_SMALL: "unknown-authority",
  CA_KEY_TOO_SMALL: "unknown-authority",
  CA_MD_TOO_WEAK: "unknown-authority",
  CERT_CHAIN_TOO_LONG: "unknown-authority",
  CERT_REVOKED: "unknown-authority",
  // Codes that Node has no name for, a mismatch of key identifiers among them.
  UNSPECIFIED: "unknown-authority",
  // The leaf, or the anchor: an anchor's renewal may be in the file already.
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "wrong-host",
  HOSTNAME_MISMATCH: "wrong-host",
  IP_ADDRESS_MISMATCH: "wrong-host",
  // By the core itself, from `PoolOptions.confirm`.
  ERR_REANCHOR_LATE_HANDSHAKE: "late-handshake",
  // The other side closed or reset, before or in the middle of the response's headers.
  ECONNRESET: "lost",
  ECONNABORTED: "lost",
  EPIPE: "lost",
  // No connection came about.
  ECONNREFUSED: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ENOTFOUND: "unreachable",
  EAI_AGAIN: "unreachable",
  ETIMEDOUT: "unreachable",
  EPROTO: "unreachable",
};

/**
 * Looks up the codes of an error and its causes, the outermost first.
 *
 * @param error What was thrown.
 * @param own What a runtime has beside the codes that all know.
 */
export function failureByCode(
  error: unknown,
  own: Readonly<Record<string, Failure>> = {},
): Failure | undefined {
  let at = error; // Of whatever realm, as in codeOf().
  for (let depth = 0; typeof at === "object" && at !== null && depth < 5; depth++) {
    const code = codeOf(at);
    const failure = code === undefined ? undefined : (own[code] ?? failures[code]);
    if (failure !== undefined) return failure;
    at = "cause" in at ? at.cause : undefined;
  }
  return undefined;
}
