/**
 * Trust anchors for OpenSSL and BoringSSL.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { refuseCircle, selectAnchors } from "../../src/certificates/anchors.ts";
import { isAuthorityByUsageAlone } from "../../src/certificates/issuer.ts";

/** See {@link Runtime.checkCertificate}. Node would drop what it can't parse in silence; Bun's requests all fail. */
export function checkCertificate(pem: string): void {
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
