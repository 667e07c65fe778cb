/**
 * A connection by way of a SOCKS5 proxy.
 *
 * @module
 */

import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { type SocksTarget, askSocks } from "../../src/http1/socks-protocol.ts";

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
  for (let taken = Buffer.alloc(0); ;) {
    // All that is there: what stays in the socket would make it readable again at once, and for ever.
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) taken = Buffer.concat([taken, chunk]);
    if (taken.length >= length) {
      if (taken.length > length) socket.unshift(taken.subarray(length));
      return taken.subarray(0, length);
    }
    if (socket.destroyed) throw socket.errored ?? new Error("it closed the connection");
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
