/**
 * A body that grows while it is read.
 *
 * @module
 */

const encoder = new TextEncoder();

/** A body that grows while it is read. Each text that is pushed is one chunk. */
export class Feed implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  #hasEnded = false;
  #wake: () => void = () => {};

  /** @param gone aborts when the reader has left */
  constructor(gone: AbortSignal | undefined) {
    if (gone?.aborted) this.end();
    gone?.addEventListener("abort", () => this.end(), { once: true });
  }

  /** Settles when the body ends. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** How many bytes have not been read yet. */
  get unread(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0);
  }

  push(text: string | Uint8Array): void {
    if (this.#hasEnded || text.length === 0) return;
    this.#chunks.push(typeof text === "string" ? encoder.encode(text) : text);
    this.#wake();
  }

  /** Ends the body cleanly, once everything pushed has been read. */
  end(): void {
    this.#hasEnded = true;
    this.#ended.resolve();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
          yield chunk;
        }
        if (this.#hasEnded) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.end();
    }
  }
}
