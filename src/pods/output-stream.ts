/**
 * Bytes from a pod on their way to their reader: one of several streams that share a connection.
 *
 * A reader that is slow slows the connection down. One that never comes stops the other streams as well:
 * that is an error, once somebody waits for them.
 *
 * @module
 */

import type { ConnectionError } from "../errors.ts";
import type { Clock } from "../runtime.ts";

/** How much is kept for a reader that is busy. */
const BUFFER_BYTES = 1024 * 1024;
/** How long bytes may wait for a reader that never comes, while another one waits for what follows. */
const STALL_LIMIT_MS = 30_000;

/** Whom an output has to consider. */
export interface OutputParts {
  readonly clock: Clock;
  /** Whether somebody waits for what comes after these bytes, so that they must be read in time. */
  isWaitedFor(): boolean;
  /** The error if they are not, and for how long. */
  stalled(limitMs: number): ConnectionError;
}

/** One output of a process or a connection, as a stream. */
export class Output {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #parts: OutputParts;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  /** Wakes up what waits for the reader. */
  #wake: (() => void) | undefined;
  #isOver = false;
  #isStalled = false;

  constructor(parts: OutputParts) {
    this.#parts = parts;
    this.stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#wake?.(),
        cancel: () => {
          this.#isOver = true;
          this.#wake?.();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
    );
  }

  /** Whether bytes wait for a reader who has enough to read. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** Whether a reader waits for bytes: it has taken all there were. */
  get isWanted(): boolean {
    return this.stream.locked && !this.#isOver && this.#room >= BUFFER_BYTES;
  }

  get #room(): number {
    return this.#controller?.desiredSize ?? 0;
  }

  /** Passes bytes on; waits while the reader has enough to read. */
  async deliver(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (bytes.length === 0) return;
    let stalledMs = 0;
    while (!this.#isOver && this.#room <= 0) {
      this.#isStalled = true;
      const isReady = await this.#ready(1_000);
      stalledMs = isReady || !this.#parts.isWaitedFor() ? 0 : stalledMs + 1_000;
      if (stalledMs >= STALL_LIMIT_MS) throw this.#parts.stalled(stalledMs);
    }
    this.#isStalled = false;
    if (!this.#isOver) this.#controller?.enqueue(bytes);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.close();
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.error(error);
    this.#wake?.();
  }

  /** Waits for the reader, but not for ever. */
  #ready(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.setTimeout(() => resolve(false), limitMs);
      this.#wake = () => {
        cancel();
        resolve(true);
      };
    });
  }
}
