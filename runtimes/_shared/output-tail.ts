/**
 * The end of what a program prints.
 *
 * @module
 */

/** Enough for the last words of a program, whatever they are encoded in. */
const MAX_BYTES = 4_096;

/** How long standard error is still read once a program has ended: what it has started may hold it open. */
export const STDERR_GRACE_MS = 250;

/** Keeps the end of what it is given. */
export class OutputTail {
  #bytes = new Uint8Array();

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + chunk.length);
    joined.set(this.#bytes);
    joined.set(chunk, this.#bytes.length);
    this.#bytes = joined.slice(-MAX_BYTES);
  }
}
