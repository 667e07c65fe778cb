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
import { bunDialler } from "./dialler.ts";

/** The pool that a connection belongs to. */
export interface BunPool {
  readonly trust: TlsSnapshot;
  readonly options: PoolOptions;
}

/** See {@link Transport.upgrade}. */
export async function upgradeOnBun(
  pool: BunPool,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  return await dialUpgrade(bunDialler(pool.trust, pool.options), url, request);
}

/** See {@link Transport.probe}. */
export async function probeOnBun(pool: BunPool, url: string, signal: AbortSignal): Promise<void> {
  await dialProbe(bunDialler(pool.trust, pool.options), url, signal);
}
