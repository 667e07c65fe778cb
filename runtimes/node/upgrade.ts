/**
 * Upgraded connections on Node.
 *
 * @module
 */

import type { TransportRequest, TransportResponse, UpgradedConnection } from "../../src/runtime.ts";
import { dialProbe, dialUpgrade } from "../_shared/dial-upgrade.ts";
import { type NodePool, nodeDialler } from "./dialler.ts";

/** See {@link Transport.upgrade}. */
export async function upgradeOnNode(
  pool: NodePool,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  return await dialUpgrade(nodeDialler(pool), url, request);
}

/** See {@link Transport.probe}. */
export async function probeOnNode(pool: NodePool, url: string, signal: AbortSignal): Promise<void> {
  await dialProbe(nodeDialler(pool), url, signal);
}
