/**
 * How long to wait before the next try, longer with each that failed (client-go `wait.Backoff`).
 *
 * @module
 */

const FIRST_MS = 250;
const LAST_MS = 30_000;

/** Waits differ by chance, so that many clients do not come back at once. */
export class Backoff {
  #failures = 0;

  /** The next wait, in milliseconds. */
  next(): number {
    const longest = Math.min(LAST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    return Math.round(longest * (0.5 + Math.random() / 2));
  }

  /** Begins anew, after a success. */
  reset(): void {
    this.#failures = 0;
  }
}
