/**
 * Upgraded connections on Bun.
 *
 * @module
 */

import type {
  PoolOptions,
  TlsSnapshot,
  TransportRequest,
  TransportResponse,
  UpgradedConnection,
} from "../../src/runtime.ts";
import { dialProbe, dialUpgrade } from "../_shared/dial-upgrade.ts";
import { bunDialler } from "./sockets.ts";

/** See {@link Transport.upgrade}. */
export async function upgradeOnBun(
  trust: TlsSnapshot,
  options: PoolOptions,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  return await dialUpgrade(bunDialler(trust, options), url, request);
}

/** See {@link Transport.probe}. */
export async function probeOnBun(
  trust: TlsSnapshot,
  options: PoolOptions,
  url: string,
  signal: AbortSignal,
): Promise<void> {
  await dialProbe(bunDialler(trust, options), url, signal);
}
