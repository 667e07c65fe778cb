/**
 * TLS over a byte stream.
 *
 * @module
 */

import type { ConnectionOptions, TLSSocket } from "node:tls";
import { LostError } from "../../src/http1/exchange-head.ts";
import type { ByteStream } from "../../src/runtime.ts";
import { BytesDuplex } from "./bytes-duplex.ts";
import { nodeTls } from "./node-builtins.ts";
import { keepReadable } from "./node-tcp.ts";
import { type Ground, SocketBytes } from "./socket-bytes.ts";

/**
 * Speaks TLS over a byte stream, which is closed with it.
 *
 * @returns The connection, whose server's certificate has been verified.
 * @throws What `node:tls` says of the failure.
 */
export async function startTls(bytes: ByteStream, options: ConnectionOptions): Promise<ByteStream> {
  const duplex = new BytesDuplex(bytes);
  const socket = overDuplex(duplex, options);
  const secured = new SocketBytes(socket, duplex);
  await verified(socket);
  return secured;
}

/** How a TLS connection differs. */
export interface OpenTlsOptions {
  /** Given each session that the server lets be resumed. */
  readonly onSession?: (session: Buffer) => void;
  /** What a socket stands on, where that does not slow down by itself. */
  readonly groundOf?: (socket: TLSSocket) => Ground;
}

/** Opens a TLS connection by itself; fails with the signal's reason once that is aborted. */
export async function openTls(
  options: ConnectionOptions,
  signal: AbortSignal,
  { onSession, groundOf }: OpenTlsOptions = {},
): Promise<ByteStream> {
  signal.throwIfAborted();
  const socket = nodeTls().connect(options);
  keepReadable(socket);
  socket.setNoDelay(true);
  socket.setKeepAlive(true);
  if (onSession !== undefined) socket.on("session", onSession);
  const secured = new SocketBytes(socket, groundOf?.(socket));
  const onAbort = (): void => secured.abort(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    await verified(socket);
    return secured;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Resolves once the server's certificate has been verified. */
async function verified(socket: TLSSocket): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.on("error", reject);
    socket.once("close", () => reject(new LostError()));
  });
}

/** A TLS socket that is destroyed with what it stands on, and the other way round. */
function overDuplex(duplex: BytesDuplex, options: ConnectionOptions): TLSSocket {
  const socket = nodeTls().connect({ ...options, socket: duplex });
  socket.once("close", () => duplex.destroy());
  duplex.once("error", (error) => socket.destroy(error));
  duplex.once("close", () => socket.destroy());
  return socket;
}
