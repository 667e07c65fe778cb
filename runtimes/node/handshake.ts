/**
 * One attempt at a TLS connection.
 *
 * @module
 */

import { type ConnectionOptions, type TLSSocket, connect } from "node:tls";
import { ConnectionError } from "../../src/errors.ts";

/** What bounds an attempt, and what becomes of it. */
export interface HandshakeTerms {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Given each session that the server lets be resumed. */
  readonly onSession: (session: Buffer) => void;
}

/**
 * Connects, and resolves when the server's certificate has been accepted.
 *
 * @throws What Node says of the failure, the signal's reason, or a {@link ConnectionError} for the time limit.
 */
export async function handshake(
  options: ConnectionOptions,
  { timeoutMs, signal, onSession }: HandshakeTerms,
): Promise<TLSSocket> {
  signal.throwIfAborted();
  const socket = connect(options);
  let failed = (_error: Error): void => {};
  const onError = (error: Error): void => failed(error);
  const timer = setTimeout(() => socket.destroy(late(options, timeoutMs)), timeoutMs);
  const onAbort = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort);
  socket.on("error", onError);
  // Node emits it for verified servers alone.
  socket.on("session", onSession);
  try {
    await new Promise<void>((resolve, reject) => {
      failed = reject;
      socket.once("secureConnect", resolve);
    });
    // Lost between the handshake and this turn: whoever gets it now would never be told.
    if (socket.destroyed) throw socket.errored ?? new Error("the connection was closed at once");
    return socket;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    socket.off("error", onError);
  }
}

function late({ host, port }: ConnectionOptions, timeoutMs: number): ConnectionError {
  return new ConnectionError(
    `Cannot connect to ${host ?? "localhost"}:${port}: it took longer than ${timeoutMs} ms`,
  );
}
