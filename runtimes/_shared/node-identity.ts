/**
 * Whether a certificate is for the host that was asked for, for whatever speaks TLS by `node:tls`.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { isIPv6 } from "node:net";
import { type PeerCertificate, checkServerIdentity } from "node:tls";
import { expectedName, sniOf } from "../../src/certificates/server-name.ts";

/** By which name `node:tls` checks a server. */
export interface IdentityOptions {
  /** What SNI says; empty for an address. */
  readonly servername: string;
  /** Whether a certificate carries the name; the first argument has no say in it. */
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}

/**
 * Names the server for `node:tls`, which left to itself goes by the `Host` header of a request.
 *
 * @param hostname The host of the URL.
 * @param serverName What a config says in its place.
 */
export function identityOptions(hostname: string, serverName: string | undefined): IdentityOptions {
  const name = expectedName(hostname, serverName);
  return {
    servername: sniOf(name),
    checkServerIdentity: (_host, certificate) => checkIdentity(name, certificate),
  };
}

/**
 * As Node's own, which in many releases, the last of 22 among them, refuses every certificate for an IPv6
 * address (https://github.com/nodejs/node/issues/64144).
 */
export function checkIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  const refusal = checkServerIdentity(host, certificate);
  if (refusal === undefined || !isIPv6(host)) return refusal;
  return new X509Certificate(certificate.raw).checkIP(host) === undefined ? refusal : undefined;
}
