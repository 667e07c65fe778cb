/**
 * The requests of a client, each from its start to the end of its response's body. Whatever ends one of them,
 * its time limit, its caller or the client's close, ends all that it waits for or still receives.
 *
 * @module
 */

import { TimeoutError } from "../errors.ts";
import type { Clock, TransportResponse } from "../runtime.ts";
import { type OutgoingRequest, type Send, describe } from "./request.ts";
import { Roster } from "./roster.ts";

/** See the module. */
export class InFlight {
  readonly #clock: Clock;
  /** What ends each of them. */
  readonly #ends = new Roster<(reason: unknown) => void>();
  readonly #closing = new AbortController();
  /** Why no more are let in; here as well, since each request asks, and a signal costs more to ask. */
  #closed: Error | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Aborted with the reason when the client is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * Sends a request that ends in time: its response's headers have a limit, a body has none, since watches
   * live for hours. Fails as soon as the request is ended, whatever it waits for.
   */
  send(request: OutgoingRequest, send: Send): Promise<TransportResponse> {
    const { signal: callers, timeoutMs } = request;
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (callers?.aborted === true) return Promise.reject(callers.reason as Error);
    return new Promise((resolve, reject) => {
      const own = new AbortController();
      const end = (reason: unknown): void => {
        stopWaiting();
        leave();
        reject(reason);
        own.abort(reason);
      };
      const onAbort = (): void => end(callers?.reason);
      const cancelLimit = Number.isFinite(timeoutMs)
        ? this.#clock.setTimeout(() => {
            const reason = `no response headers came within ${timeoutMs} ms (timeoutMs)`;
            end(new TimeoutError(`Cannot ${describe(request)}: ${reason}`));
          }, timeoutMs)
        : undefined;
      const stopWaiting = (): void => {
        cancelLimit?.();
        callers?.removeEventListener("abort", onAbort);
      };
      const leave = this.#ends.enter(end);
      callers?.addEventListener("abort", onAbort);
      // By way of a third signal, since the caller's may live for long, and is to forget a body that is over.
      const signal = callers === undefined ? own.signal : AbortSignal.any([callers, own.signal]);
      send({ ...request, signal, end }).then(
        (response) => {
          stopWaiting();
          response.onEnd(leave);
          resolve(response);
        },
        (error: unknown) => {
          stopWaiting();
          leave();
          reject(error);
        },
      );
    });
  }

  /** Ends all of them, and lets none in from now on. */
  close(reason: Error): void {
    this.#closed = reason;
    this.#closing.abort(reason);
    for (const end of this.#ends.members) end(reason);
  }
}
