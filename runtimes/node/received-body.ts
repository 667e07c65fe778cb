/**
 * A response's body as it arrives. What nobody has asked for yet is kept, up to a limit; then its connection
 * is paused.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** How much is kept before the connection is paused: a small answer is whole by the time it is asked for. */
const LIMIT_BYTES = 64 * 1024;

/** Bytes that are a body's own: Node reads into a new buffer each time. */
type Chunk = Buffer<ArrayBuffer>;

/** The connection that a body arrives on. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** Gives the rest up, and with it the connection. */
  abort(reason: Error): void;
}

/** See the module. */
export class ReceivedBody {
  readonly #flow: Flow;
  #chunks: Chunk[] = [];
  #size = 0;
  #isOver = false;
  #error: Error | undefined;
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
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size >= LIMIT_BYTES) this.#flow.pause();
    this.#wake();
  }

  /** Nothing more comes: all has arrived, or it broke off. */
  end(error?: Error): void {
    this.#isOver = true;
    this.#error = error;
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
    this.clear();
    const [first, ...others] = chunks;
    return first !== undefined && others.length === 0 ? first : Buffer.concat(chunks);
  }

  /** All of it as text. */
  async text(): Promise<string> {
    const gathered = new GatheredBytes();
    while (!this.#isOver) {
      gathered.add(this.take());
      this.#flow.resume();
      await this.#next();
    }
    if (this.#error !== undefined) throw this.#error;
    return gathered.decodeWith(this.take());
  }

  /** As it arrives, no faster than it is read. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: async (controller) => {
          if (this.#size < LIMIT_BYTES) this.#flow.resume();
          while (this.#chunks.length === 0 && !this.#isOver) await this.#next();
          const chunk = this.#chunks.shift();
          if (chunk !== undefined) {
            this.#size -= chunk.length;
            controller.enqueue(chunk);
          } else if (this.#error === undefined) controller.close();
          else controller.error(this.#error);
        },
        cancel: (reason) => this.#giveUp(reason),
      },
      { highWaterMark: 0 },
    );
  }

  /** Gives it up; a rest of no more than so many bytes is read, so that the connection can be used again. */
  async discard(maxBytes: number): Promise<void> {
    let size = 0;
    this.#flow.resume();
    for (;;) {
      size += this.#size;
      this.clear();
      if (this.#isOver) return;
      if (size > maxBytes) return this.#giveUp(undefined);
      await this.#next();
    }
  }

  #giveUp(reason: unknown): void {
    this.clear();
    if (this.#isOver) return;
    this.#flow.abort(reason instanceof Error ? reason : new Error("The response was given up"));
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  #wake(): void {
    this.#goOn?.();
    this.#goOn = undefined;
  }
}

/** The bytes of a large body on their way to its text. They make place for it: a list may have 30 MB. */
class GatheredBytes {
  #bytes = new Uint8Array();
  #size = 0;

  add(chunk: Chunk): void {
    const size = this.#size + chunk.length;
    if (size > this.#bytes.length) {
      const grown = Math.max(size, 2 * this.#bytes.length, LIMIT_BYTES);
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(grown));
    }
    this.#bytes.set(chunk, this.#size);
    this.#size = size;
  }

  /** Gives them and the last ones as text, and keeps none. */
  decodeWith(last: Chunk): string {
    const decoder = new TextDecoder(); // Which leaves out a byte order mark.
    if (this.#size === 0) return decoder.decode(last);
    this.add(last);
    const text = decoder.decode(this.#bytes.subarray(0, this.#size));
    // Now, and not when garbage is collected: to parse the text takes a lot of memory.
    this.#bytes.buffer.transfer(0);
    return text;
  }
}
