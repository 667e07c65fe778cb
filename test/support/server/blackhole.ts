/**
 * A black hole: accepts TCP connections and never responds.
 *
 * @module
 */

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { BlackholeStats } from "./protocol.ts";

/** A listening black hole. */
export interface Blackhole {
  readonly port: number;
  stats(): BlackholeStats;
  close(): Promise<void>;
}

/**
 * Opens a black hole on a free port of 127.0.0.1.
 *
 * @returns the black hole, listening
 */
export async function openBlackhole(): Promise<Blackhole> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    // Data is read and discarded. Otherwise the end of the connection would never be noticed.
    socket.resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  function stats(): BlackholeStats {
    return { connections, open: sockets.size };
  }

  async function close(): Promise<void> {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  return { port: (server.address() as AddressInfo).port, stats, close };
}
