/**
 * Connections of their own on Bun.
 *
 * @module
 */

import type { ConnectionOptions } from "node:tls";
import type {
  PoolOptions,
  TlsSnapshot,
  TransportRequest,
  TransportResponse,
  UpgradedConnection,
} from "../../src/runtime.ts";
import { anchorsForOpenSsl } from "../_shared/openssl-anchors.ts";
import { dialUpgrade } from "../_shared/dial-upgrade.ts";
import { openTcp } from "../_shared/node-tcp.ts";
import { openTls } from "../_shared/tls-bytes.ts";

/** See {@link Transport.upgrade}. */
export async function upgradeOnBun(
  trust: TlsSnapshot,
  options: PoolOptions,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  const { ca, clientCert } = trust;
  const tls = (isProxy: boolean): ConnectionOptions => ({
    minVersion: "TLSv1.2",
    // As Go, a certificate that the bundle holds is an anchor, also if its own issuer is not there.
    ...(ca && { ca: anchorsForOpenSsl(ca), allowPartialTrustChain: true }),
    ...(!isProxy && clientCert && { cert: clientCert.certificate, key: clientCert.key }),
  });
  return await dialUpgrade({ trust, options, openTcp, tls, openTls }, url, request);
}
