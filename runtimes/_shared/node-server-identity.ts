/**
 * By which name whatever speaks TLS by `node:tls` checks a server.
 *
 * @module
 */

import { expectedName, sniOf } from "../../src/certificates/server-name.ts";
import type { TlsSnapshot } from "../../src/runtime.ts";
import { type PresentedCertificate, checkIdentity } from "./server-identity.ts";

/** By which name `node:tls` checks a server. */
export interface IdentityOptions {
  /** What SNI says; empty for an address. */
  readonly servername: string;
  /** Whether a certificate carries the name; the first argument has no say in it. */
  readonly checkServerIdentity: (
    host: string,
    certificate: PresentedCertificate,
  ) => Error | undefined;
}

/**
 * Names the server for `node:tls`. By default, Node would use the `Host` header of a request.
 *
 * @param hostname The host of the URL.
 * @param expected What a config says in its place; nothing for a proxy.
 */
export function identityOptions(
  hostname: string,
  { serverName, serverIdentity }: Partial<Pick<TlsSnapshot, "serverName" | "serverIdentity">> = {},
): IdentityOptions {
  const name = expectedName(hostname, serverName);
  return {
    servername: sniOf(name),
    checkServerIdentity: (_host, certificate) => checkIdentity(name, certificate, serverIdentity),
  };
}
