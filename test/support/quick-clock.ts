/**
 * A clock that runs faster than real time.
 *
 * @module
 */

import type { Clock } from "../../src/runtime.ts";

/**
 * A clock that runs a given number of times as fast as real time. Its wall time, on which certificates
 * depend, is real.
 */
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
