/**
 * Opens a WebSocket at the API server.
 *
 * @module
 */

import type { ResourceClient, UpgradeCall } from "../api/api-call.ts";
import type { MessageSocket } from "../runtime.ts";
import { WebSocketConnection, webSocketHandshake } from "./web-socket.ts";

/** A WebSocket, and what is spoken on it. */
export interface OpenWebSocket {
  readonly socket: MessageSocket;
  /** The subprotocol that the server chose. */
  readonly protocol: string;
}

/**
 * Opens one, with the client's trust and credentials.
 *
 * @param protocols The subprotocols that are offered, the preferred one first.
 * @throws {ApiError} if the server rejects it.
 */
export async function openWebSocket(
  client: ResourceClient,
  call: Omit<UpgradeCall, "headers">,
  protocols: readonly string[],
): Promise<OpenWebSocket> {
  const handshake = webSocketHandshake(protocols);
  const connection = await client.upgrade({ ...call, headers: handshake.headers });
  const protocol = await handshake.accept(connection);
  const socket =
    "read" in connection
      ? new WebSocketConnection(connection, client.clock, call.signal)
      : connection;
  return { socket, protocol };
}
