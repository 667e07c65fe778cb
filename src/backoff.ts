/**
 * How long to wait before the next try, longer with each that failed (client-go `wait.Backoff`).
 *
 * @module
 */

import type { Clock } from "./runtime.ts";

/** How waits grow. */
export interface BackoffOptions {
  /**
   * The longest first wait, in milliseconds.
   *
   * @default 250
   */
  readonly firstMs?: number;
  /**
   * The longest wait, in milliseconds.
   *
   * @default 30_000
   */
  readonly lastMs?: number;
}

/** Waits differ by chance, so that many clients do not come back at once. */
export class Backoff {
  readonly #clock: Pick<Clock, "random">;
  readonly #firstMs: number;
  readonly #lastMs: number;
  #failures = 0;

  constructor(
    clock: Pick<Clock, "random">,
    { firstMs = 250, lastMs = 30_000 }: BackoffOptions = {},
  ) {
    this.#clock = clock;
    this.#firstMs = firstMs;
    this.#lastMs = lastMs;
  }

  /** The next wait, in milliseconds. */
  next(): number {
    const longest = Math.min(this.#lastMs, this.#firstMs * 2 ** this.#failures);
    this.#failures += 1;
    return Math.round(longest * (0.5 + this.#clock.random() / 2));
  }

  /** Begins anew, after a success. */
  reset(): void {
    this.#failures = 0;
  }
}
