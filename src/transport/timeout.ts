/**
 * The time limit of a request, up to its response's headers. A body has none: watches live for hours.
 *
 * @module
 */

import { TimeoutError } from "../errors.ts";
import type { Clock } from "../runtime.ts";
import { type Send, describe } from "./request.ts";

/** Ends a request that has no response headers in time, whatever it is waiting for. */
export function withTimeout(send: Send, clock: Clock): Send {
  return async (request) => {
    const { signal, timeoutMs } = request;
    if (timeoutMs === Number.POSITIVE_INFINITY) return await send(request);
    const late = new AbortController();
    const cancel = clock.setTimeout(() => {
      const reason = `no response headers came within ${timeoutMs} ms (timeoutMs)`;
      late.abort(new TimeoutError(`Cannot ${describe(request)}: ${reason}`));
    }, timeoutMs);
    try {
      return await send({
        ...request,
        signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
      });
    } finally {
      cancel();
    }
  };
}
