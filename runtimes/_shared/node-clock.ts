/**
 * The clock of Node and Bun, whose timers may let a program end.
 *
 * @module
 */

import { setTimeout } from "node:timers";
import { type Clock, systemClock } from "../../src/runtime.ts";

/** The clock of Node and Bun. */
export const nodeClock: Clock = {
  ...systemClock,
  setAlarm(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return {
      setReferenced: (isReferenced) => void (isReferenced ? timer.ref() : timer.unref()),
      cancel: () => clearTimeout(timer),
    };
  },
};
