/**
 * TCP connections by `Deno.connect`: those of Deno's `node:net` ignore `pause()`, and read into memory whatever the
 * server sends.
 *
 * @module
 */

import type { TcpAddress } from "../_shared/tcp-address.ts";
import type { ByteStream } from "../../src/runtime.ts";
import { type TcpConn, deno } from "./shim.ts";

/** What is read from the network at once, and so about what may be on its way to a reader that holds it. */
const PIECE_BYTES = 64 * 1_024;
/** How long the other side may take to close once this one has. */
const CLOSE_LIMIT_MS = 2_000;

/** Opens a connection; fails with the signal's reason once that is aborted. */
export async function openTcp(
  { host, port }: TcpAddress,
  signal: AbortSignal,
): Promise<ByteStream> {
  signal.throwIfAborted();
  const bytes = TcpBytes.connect(host, port);
  const onAbort = (): void => bytes.abort(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    await bytes.connected;
    return bytes;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** A connection, which may be written to and read from before it is there. */
export class TcpBytes implements ByteStream {
  readonly connected: Promise<TcpConn>;
  readonly closed: Promise<void>;
  readonly #dial = new AbortController();
  #connection: TcpConn | undefined;
  #piece: Uint8Array<ArrayBuffer> | undefined;
  #isReferenced = true;
  #isEnding = false;
  #isClosed = false;
  #aborted: { readonly reason: unknown } | undefined;
  #onClosed = (): void => {};

  /** @param open Gives the connection; it is to be given up when the signal is aborted. */
  constructor(open: (signal: AbortSignal) => Promise<TcpConn>) {
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.connected = this.#connect(open);
    this.connected.catch(() => this.#close());
  }

  /** Connects to a host, and does not wait for that. */
  static connect(hostname: string, port: number): TcpBytes {
    return new TcpBytes((signal) => deno().connect({ hostname, port, signal }));
  }

  /** Whether it keeps the process alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    if (isReferenced) this.#connection?.ref();
    else this.#connection?.unref();
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#isEnding) return undefined;
    const piece = (this.#piece ??= new Uint8Array(PIECE_BYTES));
    try {
      const count = await (this.#connection ?? (await this.connected)).read(piece);
      // A copy, since the next read is into the same memory.
      return count === null ? undefined : piece.slice(0, count);
    } catch (error) {
      throw this.#aborted === undefined ? error : this.#aborted.reason;
    }
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        at += await (this.#connection ?? (await this.connected)).write(bytes.subarray(at));
      }
    } catch (error) {
      throw this.#aborted === undefined ? error : this.#aborted.reason;
    }
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const timer = setTimeout(() => this.#close(), CLOSE_LIMIT_MS);
    this.#drain()
      .catch(() => {}) // It is over in either case.
      .finally(() => {
        clearTimeout(timer);
        this.#close();
      });
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#close();
  }

  async #connect(open: (signal: AbortSignal) => Promise<TcpConn>): Promise<TcpConn> {
    const connection = await open(this.#dial.signal);
    if (this.#isClosed) {
      connection.close();
      throw new Error("Cannot connect: it was given up");
    }
    this.#connection = connection;
    connection.setNoDelay(true);
    connection.setKeepAlive(true);
    this.setReferenced(this.#isReferenced);
    return connection;
  }

  /** Reads to the end, so that what was sent is not reset. */
  async #drain(): Promise<void> {
    const connection = await this.connected;
    await connection.closeWrite();
    const dropped = new Uint8Array(PIECE_BYTES);
    while ((await connection.read(dropped)) !== null);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#dial.abort();
    try {
      this.#connection?.close();
    } catch {
      // It is closed already.
    }
    this.#onClosed();
  }
}
