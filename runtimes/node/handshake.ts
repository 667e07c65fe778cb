/**
 * One attempt at a TLS connection.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import { type ConnectionOptions, type TLSSocket, connect } from "node:tls";
import { orAborted } from "../../src/abort.ts";
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
  const { promise: verified, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => socket.destroy(late(options, timeoutMs)), timeoutMs);
  const onAbort = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort);
  socket.once("secureConnect", resolve);
  socket.on("error", reject);
  // Node emits it for verified servers alone.
  socket.on("session", onSession);
  try {
    await verified;
    // Lost between the handshake and this turn: no further event would report it.
    if (socket.destroyed) throw socket.errored ?? new Error("the connection was closed at once");
    return socket;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    socket.off("error", reject);
  }
}

/**
 * Opens a stream by a program's own function, which may neither take longer than the time limit nor outlive the
 * signal.
 *
 * @throws What the function throws, the signal's reason, or a {@link ConnectionError} for the time limit.
 */
export async function openWithin(
  open: (signal: AbortSignal) => Promise<Duplex>,
  {
    timeoutMs,
    signal,
    target,
  }: { timeoutMs: number; signal: AbortSignal; target: ConnectionOptions },
): Promise<Duplex> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(late(target, timeoutMs)), timeoutMs);
  const either = AbortSignal.any([signal, limit.signal]);
  const opening = open(either);
  // What comes too late serves nobody.
  const dropLate = (stream: Duplex): void => {
    if (either.aborted) stream.on("error", () => {}).destroy();
  };
  opening.then(dropLate, () => {});
  try {
    return await orAborted(opening, either);
  } finally {
    clearTimeout(timer);
  }
}

function late({ host, port }: ConnectionOptions, timeoutMs: number): ConnectionError {
  return new ConnectionError(
    `Cannot connect to ${host ?? "localhost"}:${port}: it took longer than ${timeoutMs} ms`,
  );
}
