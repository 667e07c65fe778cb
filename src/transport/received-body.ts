/**
 * A response's body as it arrives. What nobody has asked for yet is kept, up to a limit; then its connection
 * is paused.
 *
 * @module
 */

import type { BodyLimit } from "../runtime.ts";
import { GatheredBytes } from "./read-text.ts";
import { type FetchedBody, decodeBody, hasBody } from "./response.ts";

/** How much is kept before the connection is paused: a small answer is whole by the time it is asked for. */
const LIMIT_BYTES = 64 * 1024;

/** Nor are more pieces than this: a server may send one byte in each, and each takes memory of its own. */
const LIMIT_PIECES = 1024;

/** More than this of an unwanted body costs more to read than a new connection. */
const MAX_DISCARD_BYTES = 16 * 1024;
/** Nor is one waited for that stalls: a request is to be sent again. */
const MAX_DISCARD_MS = 1_000;

/** Bytes that are a body's own, maybe as a `Buffer`: what is read next goes into another place. */
type Chunk = Uint8Array<ArrayBuffer>;

/** What gathers a body as it arrives. */
interface Sink {
  add(chunk: Chunk): void;
  end(): void;
}

const decoder = new TextDecoder();

/** The connection that a body arrives on. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** Gives the rest up, and with it the connection. */
  abort(reason: Error): void;
}

export class ReceivedBody {
  readonly #flow: Flow;
  #chunks: Chunk[] = [];
  #size = 0;
  #isOver = false;
  #error: Error | undefined;
  #sink: Sink | undefined;
  /** Goes on with what waits for the next chunk, or for the end. */
  #goOn: (() => void) | undefined;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** Whether all of it has arrived. */
  get isWhole(): boolean {
    return this.#isOver && this.#error === undefined;
  }

  /** Takes what has arrived. */
  push(chunk: Chunk): void {
    if (this.#sink !== undefined) return this.#sink.add(chunk);
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#isFull) this.#flow.pause();
    this.#wake();
  }

  /** Nothing more comes: all has arrived, or it broke off. */
  end(error?: Error): void {
    this.#isOver = true;
    this.#error = error;
    this.#sink?.end();
    this.#wake();
  }

  /** Forgets what has arrived: nobody wants it any more. */
  clear(): void {
    this.#chunks = [];
    this.#size = 0;
  }

  /** All that has arrived. */
  take(): Chunk {
    const chunks = this.#chunks;
    const size = this.#size;
    this.clear();
    const [first, ...others] = chunks;
    return first !== undefined && others.length === 0 ? first : join(chunks, size);
  }

  /**
   * All of it as text, up to a limit.
   *
   * @param announced Says how many bytes it will have, if that is known.
   */
  async text(limit: BodyLimit, announced?: () => number | undefined): Promise<string> {
    // A small one is not copied.
    if (this.isWhole && this.#size <= limit.maxBytes) return decoder.decode(this.take());
    const gathered = new GatheredBytes(limit, announced?.());
    try {
      for (const chunk of this.#chunks.splice(0)) {
        if (!gathered.add(chunk)) return gathered.decode();
      }
      this.clear();
      if (!this.#isOver) await this.#gather(gathered, limit);
      if (this.#error !== undefined) throw this.#error;
      return gathered.decode();
    } finally {
      this.#sink = undefined;
      if (!this.#isOver) this.#giveUp(undefined);
    }
  }

  /** Resolves when the body or its limit has been reached; no piece waits for a turn of its own. */
  async #gather(gathered: GatheredBytes, limit: BodyLimit): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#sink = {
      add(chunk) {
        limit.onPiece(chunk.length);
        try {
          if (!gathered.add(chunk)) resolve();
        } catch (error) {
          reject(error);
        }
      },
      end: () => resolve(),
    };
    this.#flow.resume();
    await promise;
  }

  /** As it arrives, no faster than it is read. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: async (controller) => {
          if (!this.#isFull) this.#flow.resume();
          while (this.#chunks.length === 0 && !this.#isOver) await this.#next();
          // Small pieces that have come together are read together: each read costs more than a copy of them.
          if (this.#chunks.length > 0) controller.enqueue(plain(this.take()));
          else if (this.#error === undefined) controller.close();
          else controller.error(this.#error);
        },
        cancel: (reason) => this.#giveUp(reason),
      },
      { highWaterMark: 0 },
    );
  }

  /**
   * Gives it up; a rest of no more than so many bytes is read, for no longer than so many milliseconds, so that
   * the connection can be used again.
   */
  async discard(
    maxBytes: number = MAX_DISCARD_BYTES,
    maxMs: number = MAX_DISCARD_MS,
  ): Promise<void> {
    let size = this.#size;
    this.clear();
    if (this.#isOver) return;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, maxMs);
    this.#flow.resume();
    while (!this.#isOver && size <= maxBytes && !isLate) {
      await this.#next();
      size += this.#size;
      this.clear();
    }
    clearTimeout(timer);
    this.#giveUp(undefined);
  }

  get #isFull(): boolean {
    return this.#size >= LIMIT_BYTES || this.#chunks.length >= LIMIT_PIECES;
  }

  #giveUp(reason: unknown): void {
    this.clear();
    if (this.#isOver) return;
    this.#flow.abort(reason instanceof Error ? reason : new Error("The response was given up"));
  }

  #next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#goOn = resolve;
    return promise;
  }

  #wake(): void {
    this.#goOn?.();
    this.#goOn = undefined;
  }
}

/** What a response is that a body belongs to. */
export interface BodyContext {
  readonly method: string;
  readonly status: number;
  readonly headers: Headers;
}

/** Hands a body over: all of it if it is there, otherwise as it arrives, and decoded. */
export function handOver(
  body: ReceivedBody,
  { method, status, headers }: BodyContext,
): FetchedBody {
  if (!hasBody(method, status)) {
    // To its end, which frees the connection.
    body.discard().catch(() => {});
    return null;
  }
  const isPlain = headers.get("content-encoding") === null;
  return isPlain && body.isWhole ? body.take() : decodeBody(body.stream(), headers);
}

/** As no `Buffer`, whose methods differ. */
function plain({ buffer, byteOffset, byteLength }: Chunk): Chunk {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function join(chunks: readonly Chunk[], size: number): Chunk {
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
