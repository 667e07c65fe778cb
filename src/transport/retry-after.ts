/**
 * Waits where the server says so: 429 and 503 with `Retry-After` (RFC 9110 section 10.2.3).
 *
 * @module
 */

import { sleep } from "../abort.ts";
import { type EventListener, notify } from "../events.ts";
import { MAX_TIMER_MS, checkDuration, timeLimit } from "../options.ts";
import type { Clock } from "../runtime.ts";
import { type Send, canSendAgain } from "./request.ts";

/** The longest that all waits of a request take together if the option `maxRetryAfterMs` does not say. */
const DEFAULT_MAX_WAIT_MS = 30_000;
/** The most waits that a request has (client-go: 10). */
const MAX_WAITS = 10;

/** How long a request waits. */
export interface RetryAfterOptions {
  /** The longest that all waits of a request may take together, in milliseconds. */
  readonly maxWaitMs: number;
  readonly clock: Clock;
  readonly onEvent?: EventListener | undefined;
}

/**
 * Checks the option `maxRetryAfterMs`, and returns it or its default.
 *
 * @throws {TypeError} if it is no number. @throws {RangeError} if it is out of range.
 */
export function checkMaxRetryAfterMs(value: number | undefined): number {
  return checkDuration("maxRetryAfterMs", value, { ...timeLimit, min: 0 }) ?? DEFAULT_MAX_WAIT_MS;
}

/** Sends a request again after the time that the server asks for, within limits. */
export function withRetryAfter(send: Send, { maxWaitMs, clock, onEvent }: RetryAfterOptions): Send {
  return async (request) => {
    let waited = 0;
    for (let count = 0; ; count++) {
      const response = await send(request);
      if (response.status !== 429 && response.status !== 503) return response;
      const delayMs = parseRetryAfter(response.header("retry-after"), clock.wallNow());
      if (delayMs === undefined || count >= MAX_WAITS) return response;
      waited += delayMs;
      // A timer for longer than it can count fires at once.
      const isTooLong = waited > maxWaitMs || delayMs > MAX_TIMER_MS;
      if (isTooLong || maxWaitMs === 0 || !canSendAgain(request.body)) return response;
      await response.discard();
      const { method, url, signal } = request;
      notify(onEvent, {
        type: "retry",
        reason: "retry-after",
        method,
        path: url.pathname,
        delayMs,
      });
      await sleep(clock, delayMs, signal);
    }
  };
}

/** The delay in milliseconds that a `Retry-After` header means; `undefined` if it means none. */
export function parseRetryAfter(value: string | null, wallNow: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  // An HTTP date begins with the day's name (RFC 9110 section 5.6.7); Date.parse takes "-1" for one too.
  const date = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallNow);
}
