/**
 * A clock that is in a hurry.
 *
 * @module
 */

import type { Clock } from "../../src/runtime.ts";

/** Real time, of which so many milliseconds pass in one. Wall time, which certificates go by, stays. */
export function quickClock(factor: number): Clock {
  return {
    now: () => performance.now() * factor,
    wallNow: () => Date.now(),
    setTimeout(callback, delayMs) {
      const timer = setTimeout(callback, delayMs / factor);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
  };
}
