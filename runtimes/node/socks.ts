/**
 * A connection by way of a SOCKS5 proxy.
 *
 * @module
 */

import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { type SocksTarget, askSocks } from "../../src/http1/socks.ts";

/** Where a connection leads, and how. */
export interface SocksOptions extends SocksTarget {
  readonly proxyHost: string;
  readonly proxyPort: number;
  /** Ends the attempt at once. */
  readonly signal: AbortSignal;
}

/** Connects to a host and port by way of the proxy. */
export async function connectBySocks({
  proxyHost,
  proxyPort,
  signal,
  ...target
}: SocksOptions): Promise<Socket> {
  const socket = connect({ host: proxyHost, port: proxyPort });
  socket.on("error", ignore);
  const onAbort = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort);
  try {
    await once(socket, "connect");
    const peer = {
      take: async (length: number) => await take(socket, length),
      write: (bytes: Uint8Array) => socket.write(bytes),
    };
    await askSocks(peer, target);
    socket.off("error", ignore);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Every read finds the failure at the socket; without a listener, it would end the process. */
function ignore(): void {}

/** The next bytes of a socket, and no more: what follows them is the server's. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const chunk = socket.read(length) as Buffer | null;
    if (chunk?.length === length) return chunk;
    if (chunk !== null || socket.destroyed) {
      throw socket.errored ?? new Error("it closed the connection");
    }
    await change(socket);
  }
}

/** Resolves when there is more to read, or the connection has ended. */
function change(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const goOn = (): void => {
      socket.off("readable", goOn).off("close", goOn);
      resolve();
    };
    socket.on("readable", goOn).on("close", goOn);
  });
}
