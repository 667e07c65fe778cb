/**
 * The time limit of a request, up to its response's headers. A body has none: watches live for hours.
 *
 * @module
 */

import { TimeoutError } from "../errors.ts";
import type { Clock } from "../runtime.ts";
import { type Send, describe } from "./request.ts";

/** The requests of a client that wait for their response's headers, whatever they wait for. */
export class WaitingRequests {
  readonly #requests = new Set<AbortController>();
  readonly #closing = new AbortController();
  #closed: Error | undefined;

  /** Aborted with the reason when the client is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Counts a request in; throws the reason where the client was closed. */
  enter(): AbortController {
    if (this.#closed !== undefined) throw this.#closed;
    const request = new AbortController();
    this.#requests.add(request);
    return request;
  }

  /** Counts it out. */
  leave(request: AbortController): void {
    this.#requests.delete(request);
  }

  /** Ends all of them, and lets none in from now on. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const request of this.#requests) request.abort(reason);
    this.#closing.abort(reason);
  }
}

/** Ends a request that has no response headers in time, or whose client is closed. */
export function withTimeout(
  send: Send,
  clock: Clock,
  waiting: WaitingRequests = new WaitingRequests(),
): Send {
  return async (request) => {
    const { signal, timeoutMs } = request;
    const end = waiting.enter();
    const cancel = Number.isFinite(timeoutMs)
      ? clock.setTimeout(() => {
          const reason = `no response headers came within ${timeoutMs} ms (timeoutMs)`;
          end.abort(new TimeoutError(`Cannot ${describe(request)}: ${reason}`));
        }, timeoutMs)
      : undefined;
    try {
      return await send({
        ...request,
        signal: signal === undefined ? end.signal : AbortSignal.any([signal, end.signal]),
      });
    } finally {
      cancel?.();
      waiting.leave(end);
    }
  };
}
