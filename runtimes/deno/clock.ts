/**
 * Deno's clock, whose timers may let a program end.
 *
 * @module
 */

import { type Clock, systemClock } from "../../src/runtime.ts";
import { deno } from "./shim.ts";

/** Deno's clock. */
export const denoClock: Clock = {
  ...systemClock,
  setAlarm(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return {
      setReferenced: (isReferenced) =>
        isReferenced ? deno().refTimer(timer) : deno().unrefTimer(timer),
      cancel: () => clearTimeout(timer),
    };
  },
};
