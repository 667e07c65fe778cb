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
import { type Dialler, dialProbe, dialUpgrade } from "../_shared/dial-upgrade.ts";
import { openTcp } from "../_shared/node-tcp.ts";
import { openTls } from "../_shared/tls-bytes.ts";

/** See {@link Transport.upgrade}. */
export async function upgradeOnBun(
  trust: TlsSnapshot,
  options: PoolOptions,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  return await dialUpgrade(diallerOf(trust, options), url, request);
}

/** See {@link Transport.probe}. */
export async function probeOnBun(
  trust: TlsSnapshot,
  options: PoolOptions,
  url: string,
  signal: AbortSignal,
): Promise<void> {
  await dialProbe(diallerOf(trust, options), url, signal);
}

function diallerOf(trust: TlsSnapshot, options: PoolOptions): Dialler {
  const { ca, clientCert } = trust;
  const tls = (isProxy: boolean): ConnectionOptions => ({
    minVersion: "TLSv1.2",
    // As Go, a certificate that the bundle holds is an anchor, also if its own issuer is not there.
    ...(ca && { ca: anchorsForOpenSsl(ca), allowPartialTrustChain: true }),
    ...(!isProxy && clientCert && { cert: clientCert.certificate, key: clientCert.key }),
  });
  return { trust, options, openTcp, tls, openTls };
}
