/**
 * What a client of a server has shown, seen again later: resumption and open connections outlive the verification.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import type { PeerCertificate, TLSSocket } from "node:tls";
import { readParts } from "../../src/certificates/certificate.ts";
import type { CaBundle } from "../../src/sources/ca-source.ts";
import { chainOf } from "../_shared/server-identity.ts";

/** Whether a client was verified by its certificate. */
export function isVerified(socket: TLSSocket): boolean {
  return socket.authorized && "raw" in socket.getPeerCertificate();
}

/**
 * Whether an anchor of a bundle has signed what a client has shown, which an earlier bundle has verified. In doubt,
 * none has: a resumed session says nothing of intermediates.
 */
export function isVouchedFor(socket: TLSSocket, bundle: CaBundle): boolean {
  const chain = chainOf(socket.getPeerCertificate(true)).map((der) => new X509Certificate(der));
  const anchors = bundle.certificates.map((pem) => new X509Certificate(pem));
  for (const [index, certificate] of chain.entries()) {
    if (anchors.some((anchor) => anchor.raw.equals(certificate.raw))) return true;
    if (anchors.some((anchor) => isSignedBy(certificate, anchor))) return true;
    const issuer = chain[index + 1];
    if (issuer === undefined || !isSignedBy(certificate, issuer)) return false;
  }
  return false;
}

/** Whether the certificate of a client has expired, though its session was resumed. */
export function hasExpired(socket: TLSSocket, now: number): boolean {
  const { raw } = socket.getPeerCertificate() as Partial<PeerCertificate>;
  return raw !== undefined && readParts(raw).notAfter < now;
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
