/**
 * A socket of `node:net` or `node:tls` as a byte stream.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import { setImmediate, setTimeout } from "node:timers";
import { LostError } from "../../src/http1/exchange-head.ts";
import type { Wire, WireListener } from "../../src/http1/wire.ts";
import type { ByteStream } from "../../src/runtime.ts";

/** How much is read ahead. */
const READ_AHEAD_BYTES = 64 * 1024;
/**
 * How much is sent before other events have a turn. A socket may always take more at once, as Bun's does of a server
 * that reads fast: then neither timers nor the server's answer would be noticed.
 */
const MAX_TURN_BYTES = 1024 * 1024;
/** How long the other side may take to close once this one has. */
const CLOSE_LIMIT_MS = 2_000;

/** What a socket stands on, where that does not slow down by itself. */
export interface Ground {
  /** Reads nothing more. */
  hold(): void;
  /** Reads again. */
  release(): void;
  /** Whether it takes more. */
  readonly isDrained: boolean;
  /** Resolves when it takes more. */
  drained(): Promise<void>;
  /** Whether it keeps the process alive. */
  setReferenced(isReferenced: boolean): void;
}

interface Waiter<T> {
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** A socket, or what `node:tls` makes of a stream. */
type Socket = Duplex & { ref?(): unknown; unref?(): unknown };

/** See the module. */
export class SocketBytes implements ByteStream, Wire {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #ground: Ground | undefined;
  readonly #queue: Uint8Array<ArrayBuffer>[] = [];
  /** Those who wait until the socket takes more. */
  readonly #writers = new Set<Waiter<void>>();
  #writeFailure: LostError | undefined;
  #size = 0;
  /** How much was sent since other events have had a turn. */
  #sentInTurn = 0;
  #reader: Waiter<Uint8Array<ArrayBuffer> | undefined> | undefined;
  #isOver = false;
  #isEnding = false;
  #failure: { readonly reason: unknown } | undefined;
  /** Whom it reports to as a wire. */
  #listener: WireListener | undefined;

  constructor(socket: Socket, ground?: Ground) {
    this.#socket = socket;
    this.#ground = ground;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#finish();
        for (const writer of this.#writers) writer.reject(this.#reason);
        resolve();
        this.#listener?.onClosed(this.#reason);
      });
    });
    socket.on("data", (chunk: Uint8Array<ArrayBuffer>) => this.#take(chunk));
    socket.on("drain", () => {
      for (const writer of this.#writers) writer.resolve();
    });
    socket.on("end", () => this.#finish());
    socket.on("error", (error) => {
      this.#takeRest();
      this.#finish({ reason: error });
    });
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = this.#queue.shift();
    if (bytes !== undefined) {
      this.#size -= bytes.length;
      if (this.#size < READ_AHEAD_BYTES) this.#flow();
      return bytes;
    }
    if (this.#failure !== undefined) throw this.#failure.reason;
    if (this.#isOver) return undefined;
    return await new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#flow();
    });
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#isEnding) throw new Error("Cannot write to a connection that is being closed");
    if (this.#socket.destroyed) throw this.#reason;
    if (this.#writeFailure !== undefined) throw this.#writeFailure;
    const takesMore = this.#socket.write(bytes, (error) => {
      if (!error) return;
      this.#writeFailure ??= new LostError({ cause: error });
      for (const writer of this.#writers) writer.reject(this.#writeFailure);
    });
    if (!takesMore) await this.#drained();
    await this.#ground?.drained();
    if (this.#isTurnOver(bytes.length)) await nextTurn();
  }

  /** Whether others are to have a turn after so many more bytes. */
  #isTurnOver(bytes: number): boolean {
    this.#sentInTurn += bytes;
    if (this.#sentInTurn < MAX_TURN_BYTES) return false;
    this.#sentInTurn = 0;
    return true;
  }

  /** Resolves once the socket takes more. It keeps the network busy by taking some before it has sent the last. */
  async #drained(): Promise<void> {
    const writer = Promise.withResolvers<void>();
    this.#writers.add(writer);
    try {
      await writer.promise;
    } finally {
      this.#writers.delete(writer);
    }
  }

  /** Why there is no more to write to. */
  get #reason(): unknown {
    return this.#failure === undefined ? new LostError() : this.#failure.reason;
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#size = 0;
    this.#queue.length = 0;
    this.#flow();
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_LIMIT_MS);
    timer.unref();
    this.#socket.once("close", () => clearTimeout(timer));
    // Whoever reads has no more to expect.
    this.#socket.once("end", () => this.#socket.destroy());
  }

  abort(reason: unknown): void {
    this.#queue.length = 0;
    this.#size = 0;
    this.#finish({ reason });
    for (const writer of this.#writers) writer.reject(reason);
    this.#socket.destroy();
  }

  listen(listener: WireListener): void {
    this.#listener = listener;
    for (const bytes of this.#queue.splice(0)) listener.onBytes(bytes);
    this.#size = 0;
    if (this.#socket.destroyed) return listener.onClosed(this.#reason);
    if (this.#isOver) queueMicrotask(() => listener.onEnd());
    this.#flow();
  }

  send(bytes: string | Uint8Array<ArrayBuffer>): Promise<void> | undefined {
    const socket = this.#socket;
    // A caller that keeps sending without a pause would otherwise starve the event that reports the end.
    if (socket.destroyed) return this.closed;
    const ground = this.#ground;
    const takesMore =
      typeof bytes === "string" ? socket.write(bytes, "latin1") : socket.write(bytes);
    const isTurnOver = this.#isTurnOver(bytes.length);
    const mayFollow = takesMore && !isTurnOver && ground?.isDrained !== false;
    return mayFollow ? undefined : this.#drainedOrGone(takesMore, isTurnOver);
  }

  async #drainedOrGone(takesMore: boolean, isTurnOver: boolean): Promise<void> {
    try {
      if (!takesMore) await this.#drained();
      await this.#ground?.drained();
      // A socket may be drained within the same turn.
      if (isTurnOver) await nextTurn();
    } catch {
      // The listener's `onClosed()` reports it.
    }
  }

  hold(): void {
    this.#socket.pause();
    this.#ground?.hold();
  }

  release(): void {
    this.#flow();
  }

  setReferenced(isReferenced: boolean): void {
    if (this.#ground !== undefined) this.#ground.setReferenced(isReferenced);
    else if (isReferenced) this.#socket.ref?.();
    else this.#socket.unref?.();
  }

  #take(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#isOver || this.#isEnding) return;
    if (this.#listener !== undefined) return this.#listener.onBytes(chunk);
    // As no `Buffer`, whose methods differ.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) return reader.resolve(bytes);
    this.#queue.push(bytes);
    this.#size += bytes.length;
    if (this.#size < READ_AHEAD_BYTES) return;
    this.#socket.pause();
    this.#ground?.hold();
  }

  /** What a failed socket still holds: it arrived before the failure, and no event brings it any more. */
  #takeRest(): void {
    for (;;) {
      const chunk = this.#socket.read() as Uint8Array<ArrayBuffer> | null;
      if (chunk === null) return;
      this.#take(chunk);
    }
  }

  #flow(): void {
    this.#ground?.release();
    this.#socket.resume();
  }

  #finish(failure?: { readonly reason: unknown }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    const reader = this.#reader;
    this.#reader = undefined;
    if (failure === undefined) reader?.resolve(undefined);
    else reader?.reject(failure.reason);
    if (failure === undefined && !this.#socket.destroyed) this.#listener?.onEnd();
  }
}

/**
 * Resolves after other events have had a turn. It takes a timer to make Deno look at the network, and an immediate to
 * make Bun do so.
 */
async function nextTurn(): Promise<void> {
  await new Promise((resolve) => void setTimeout(() => setImmediate(resolve), 0));
}
