/**
 * A clock that moves only when a test says so.
 *
 * @module
 */

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

// Kept from before any test could replace it.
const realSetTimeout = globalThis.setTimeout;

/**
 * A clock for tests: its time stands still, and its timers wait, until {@link ManualClock.advance} is called.
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
  /** The outcome of chance, from 0 up to 1. */
  chance = 0.5;
  #now = 0;
  #wallOffset: number;

  /**
   * Makes a clock.
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

  /** What {@linkcode chance} says. */
  random(): number {
    return this.chance;
  }

  /** How many timers are live: set, not fired, not cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Sets the wall clock, as an administrator or NTP does; monotonic time and timers stay.
   *
   * @param date what it shows now
   */
  setWall(date: Date): void {
    this.#wallOffset = date.getTime() - this.#now;
  }

  /**
   * Moves time on. Timers fire in the order in which they fall due, each at its own moment, and
   * promises settle before the next; so do timers that a callback sets within the span. Real I/O
   * is not waited for.
   *
   * @param ms how far
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

/** One turn of the event loop, by which every promise that can settle has. */
function settle(): Promise<void> {
  return new Promise((resolve) => void realSetTimeout(resolve, 0));
}
