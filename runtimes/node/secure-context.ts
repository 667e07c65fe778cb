/**
 * What a TLS connection trusts and shows on Node, whatever the process's environment and flags say.
 *
 * @module
 */

import type { SecureContext } from "node:tls";
import type { TlsSnapshot } from "../../src/runtime.ts";
import { nodeTls } from "../_shared/node-builtins.ts";
import { anchorsForOpenSsl } from "../_shared/openssl-anchors.ts";
import type { Hardening } from "./hardening.ts";

/**
 * Makes the secure context of one trust.
 *
 * @param ca The anchors; `undefined` for Node's default store, which `NODE_EXTRA_CA_CERTS` and its like add to.
 * @param clientCert What is shown to the server.
 * @param hardening What makes it stricter than by default.
 * @throws what OpenSSL says of a certificate or a key that it can't use.
 */
export function openSecureContext(
  ca: readonly string[] | undefined,
  clientCert: TlsSnapshot["clientCert"],
  hardening: Hardening = {},
): SecureContext {
  const { minVersion, maxVersion, ciphers } = hardening;
  const { DEFAULT_MIN_VERSION, createSecureContext } = nodeTls();
  return createSecureContext({
    // `--tls-min-v1.0` would go below it; `--tls-min-v1.3` is kept.
    minVersion: [minVersion, DEFAULT_MIN_VERSION].includes("TLSv1.3") ? "TLSv1.3" : "TLSv1.2",
    ...(maxVersion && { maxVersion }),
    ...(ciphers && { ciphers }),
    // As Go, a certificate that the bundle holds is an anchor, also if its own issuer is not there.
    ...(ca && { ca: anchorsForOpenSsl(ca), allowPartialTrustChain: true }),
    ...(clientCert && { cert: clientCert.certificate, key: clientCert.key }),
  });
}
