/**
 * Trust anchors for OpenSSL and BoringSSL.
 *
 * @module
 */

import { refuseCircle, selectAnchors } from "../../src/certificates/anchors.ts";
import { isAuthorityByUsageAlone } from "../../src/certificates/issuer.ts";
import { nodeCrypto } from "./node-builtins.ts";

/** See {@link Runtime.checkCertificate}. Node would drop what it can't parse in silence; Bun's requests all fail. */
export function checkCertificate(pem: string): void {
  const { X509Certificate } = nodeCrypto();
  new X509Certificate(pem);
}

/**
 * The anchors of a bundle.
 *
 * @throws {Error} if none is left, or some lead back to themselves.
 */
export function anchorsForOpenSsl(ca: readonly string[]): string[] {
  const anchors = selectAnchors(ca, (parts) => !isAuthorityByUsageAlone(parts));
  refuseCircle(anchors);
  return anchors.map(({ pem }) => pem);
}
