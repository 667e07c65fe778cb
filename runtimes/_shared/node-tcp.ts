/**
 * TCP connections by `node:net`, as byte streams.
 *
 * @module
 */

import { Socket } from "node:net";
import type { ByteStream } from "../../src/runtime.ts";
import { SocketBytes } from "./socket-bytes.ts";

const { _write: writeOfSocket } = Socket.prototype;

/**
 * Opens a connection.
 *
 * @throws What `node:net` says of the failure, or the signal's reason.
 */
export async function openTcp(
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<ByteStream> {
  signal.throwIfAborted();
  const socket = new ReadableToTheEnd().connect({ host, port });
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
 * A socket that no failed write destroys, and with it what has arrived and is not read yet: the answer of a server that
 * did not want the rest. A read reports the end.
 */
class ReadableToTheEnd extends Socket {
  override _write(
    chunk: unknown,
    encoding: NodeJS.BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    Reflect.apply(writeOfSocket, this, [chunk, encoding, () => done()]);
  }
}
