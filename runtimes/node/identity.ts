/**
 * Whether a certificate is for the host that was asked for.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { isIPv6 } from "node:net";
import { type PeerCertificate, checkServerIdentity } from "node:tls";

/**
 * As Node's own, which in many releases, the last of 22 among them, refuses every certificate for an IPv6
 * address (https://github.com/nodejs/node/issues/64144).
 */
export function checkIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  const refusal = checkServerIdentity(host, certificate);
  if (refusal === undefined || !isIPv6(host)) return refusal;
  return new X509Certificate(certificate.raw).checkIP(host) === undefined ? refusal : undefined;
}
