/**
 * TCP connections by `node:net`, as byte streams.
 *
 * @module
 */

import type { TcpAddress } from "./tcp-address.ts";
import { Socket } from "node:net";
import type { ByteStream } from "../../src/runtime.ts";
import { SocketBytes } from "./socket-bytes.ts";

/**
 * Opens a connection.
 *
 * @throws What `node:net` says of the failure, or the signal's reason.
 */
export async function openTcp(
  { host, port }: TcpAddress,
  signal: AbortSignal,
): Promise<ByteStream> {
  signal.throwIfAborted();
  const socket = new Socket();
  keepReadable(socket);
  socket.connect({ host, port });
  socket.setNoDelay(true);
  socket.setKeepAlive(true);
  const bytes = new SocketBytes(socket);
  const onAbort = (): void => bytes.abort(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.on("error", reject);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    return bytes;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Keeps a failed write from destroying a socket, and with it what has arrived and is not read yet: the answer of a
 * server that did not want the rest. A read reports the end.
 */
export function keepReadable(socket: Socket): void {
  const { _write: write, _writev: writeAll } = socket;
  const one: Pick<Socket, "_write"> = {
    _write: (chunk, encoding, done) => {
      Reflect.apply(write, socket, [chunk, encoding, () => done()]);
    },
  };
  const several: Pick<Socket, "_writev"> | undefined = writeAll && {
    _writev: (chunks, done) => {
      Reflect.apply(writeAll, socket, [chunks, () => done()]);
    },
  };
  Object.assign(socket, one, several);
}
