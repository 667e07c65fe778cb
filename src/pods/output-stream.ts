/**
 * Bytes from a pod on their way to their reader: one of several streams that share a connection.
 *
 * A reader that is slow slows the connection down. One that never comes would stop the other streams as well:
 * that is an error, once somebody waits for them.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { Clock } from "../runtime.ts";

/** How much is kept for a reader that is busy. */
const BUFFER_BYTES = 1024 * 1024;
/** How long bytes may wait for a reader that never comes, while another one waits for what follows. */
const STALL_LIMIT_MS = 30_000;

/** What an output stands in. */
export interface OutputOptions {
  /** Whether the server sends it; otherwise it is empty. */
  readonly isRequested: boolean;
  readonly clock: Clock;
  /** Whether something waits for what follows the bytes that lie here. */
  readonly isWaitedFor: () => boolean;
}

/** One output of a process or a connection, as a stream. */
export class Output {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #isWaitedFor: () => boolean;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  /** Wakes up what waits for the reader. */
  #wake: (() => void) | undefined;
  #isOver = false;

  constructor(name: string, { isRequested, clock, isWaitedFor }: OutputOptions) {
    this.#name = name;
    this.#clock = clock;
    this.#isWaitedFor = isWaitedFor;
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
    if (!isRequested) this.close();
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
      const isReady = await this.#ready(1_000);
      stalledMs = isReady || this.stream.locked || !this.#isWaitedFor() ? 0 : stalledMs + 1_000;
      if (stalledMs < STALL_LIMIT_MS) continue;
      throw new ConnectionError(
        `Cannot continue: nobody reads ${this.#name}; read it, cancel it, or do not ask for it`,
      );
    }
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
      const cancel = this.#clock.setTimeout(() => resolve(false), limitMs);
      this.#wake = () => {
        cancel();
        resolve(true);
      };
    });
  }
}
