/**
 * A clock that a test advances by hand.
 *
 * @module
 */

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

// Captured before any test can replace it.
const realSetTimeout = globalThis.setTimeout;

/**
 * A clock for tests. Its time stands still, and its timers wait, until {@link ManualClock.advance} is called.
 *
 * @example
 * ```ts
 * import { ManualClock } from "@reanchor/reanchor/testing";
 *
 * const clock = new ManualClock(new Date("2030-01-01T00:00:00Z"));
 * let rang = false;
 * clock.setTimeout(() => void (rang = true), 60_000);
 * await clock.advance(60_000);
 * console.assert(rang);
 * console.assert(new Date(clock.wallNow()).toISOString() === "2030-01-01T00:01:00.000Z");
 * ```
 */
export class ManualClock {
  readonly #timers = new Set<Timer>();
  /** The value of every random choice, from 0 up to 1. */
  chance = 0.5;
  #now = 0;
  #wallOffset: number;

  /**
   * Creates a clock.
   *
   * @param wall What the wall clock shows at first; the beginning of 2026 by default.
   */
  constructor(wall: Date = new Date("2026-01-01T00:00:00Z")) {
    this.#wallOffset = wall.getTime();
  }

  /** Monotonic time in milliseconds; starts at 0. */
  now(): number {
    return this.#now;
  }

  /** Wall time in milliseconds since the epoch; moves along with {@linkcode advance}. */
  wallNow(): number {
    return this.#now + this.#wallOffset;
  }

  /**
   * Calls back once the clock has been advanced far enough.
   *
   * @param callback what to call
   * @param delayMs how far from now
   * @returns cancels the timer
   */
  setTimeout(callback: () => void, delayMs: number): () => void {
    const timer: Timer = { dueAt: this.#now + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Returns {@linkcode chance}. */
  random(): number {
    return this.chance;
  }

  /** How many timers are pending: set, not fired and not cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Sets the wall clock, as an administrator or NTP does. Monotonic time and timers are not affected.
   *
   * @param date the new wall time
   */
  setWall(date: Date): void {
    this.#wallOffset = date.getTime() - this.#now;
  }

  /**
   * Advances the time. Timers fire in order, each at its own time, and promises settle before the next timer
   * fires. Timers that a callback sets within the span fire too. Real I/O is not awaited.
   *
   * @param ms by how many milliseconds
   */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await settle();
    for (let timer = this.#next(target); timer !== undefined; timer = this.#next(target)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.dueAt);
      timer.callback();
      await settle();
    }
    this.#now = Math.max(this.#now, target);
  }

  #next(target: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= target && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }
}

/** Waits for one turn of the event loop, after which every promise that can settle has settled. */
function settle(): Promise<void> {
  return new Promise((resolve) => void realSetTimeout(resolve, 0));
}
