/**
 * How a certificate that OpenSSL or BoringSSL refuses is called on Node and on Bun.
 *
 * @module
 */

import type { Failure } from "../../src/runtime.ts";

/** X509 verification codes (Node: `X509_V_ERR_*` without the prefix) and what they mean. */
export const certificateFailures: Readonly<Record<string, Failure>> = {
  // No chain to an anchor.
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
  CERT_CHAIN_TOO_LONG: "unknown-authority",
  CERT_REVOKED: "unknown-authority",
  // Codes that Node has no name for, a mismatch of key identifiers among them.
  UNSPECIFIED: "unknown-authority",
  // The leaf, or the anchor: an anchor's renewal may be in the file already.
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "wrong-host",
  HOSTNAME_MISMATCH: "wrong-host",
};

/** The codes of an error and its causes, the outermost first. */
export function* errorCodes(error: unknown): Generator<string> {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string") yield at.code;
  }
}
