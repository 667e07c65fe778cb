/**
 * A read that is under way, and those who wait for it.
 *
 * @module
 */

import { orAborted } from "../abort.ts";
import type { Clock } from "../runtime.ts";

/** A read, and how long it may take. */
export interface SharedReadParts<T> {
  /** What the read gives. */
  readonly result: Promise<T>;
  readonly clock: Clock;
  readonly limitMs: number;
  /** Called when somebody waits and the time is up; it is to settle the result. */
  readonly onLate: () => void;
}

/**
 * A read that is under way. Its time limit has a timer only while somebody waits, so that a read which
 * nobody waits for, and which can't be cancelled, keeps no process alive by a timer of ours.
 */
export class SharedRead<T> {
  readonly #result: Promise<T>;
  readonly #clock: Clock;
  readonly #endsAt: number;
  readonly #onLate: () => void;
  #waiters = 0;
  #cancel: (() => void) | undefined;

  constructor({ result, clock, limitMs, onLate }: SharedReadParts<T>) {
    result.catch(() => {}); // Those who wait receive the rejection; there may be none left.
    this.#result = result;
    this.#clock = clock;
    this.#endsAt = clock.now() + limitMs;
    this.#onLate = onLate;
  }

  /** Waits for the read, until its signal is aborted. */
  async join(signal: AbortSignal | undefined): Promise<T> {
    this.#waiters++;
    const leftMs = Math.max(0, this.#endsAt - this.#clock.now());
    this.#cancel ??= this.#clock.setTimeout(this.#onLate, leftMs);
    try {
      return await orAborted(this.#result, signal);
    } finally {
      this.#waiters--;
      if (this.#waiters === 0) {
        this.#cancel?.();
        this.#cancel = undefined;
      }
    }
  }
}
