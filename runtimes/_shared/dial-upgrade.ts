/**
 * {@link Transport.upgrade} over a connection that is dialled for it.
 *
 * @module
 */

import type { TransportRequest, TransportResponse, UpgradedConnection } from "../../src/runtime.ts";
import { upgradeOver } from "../../src/transport/upgrade-byte-stream.ts";
import { type Dialler, dial } from "./dial.ts";

/** See {@link Transport.upgrade}. */
export async function dialUpgrade(
  dialler: Dialler,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  const stream = await dial(dialler, new URL(url), request.signal);
  return await upgradeOver(stream, url, request);
}

/** See {@link Transport.probe}. */
export async function dialProbe(dialler: Dialler, url: string, signal: AbortSignal): Promise<void> {
  const stream = await dial(dialler, new URL(url), signal);
  stream.end();
}
