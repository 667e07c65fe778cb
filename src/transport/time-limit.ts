/**
 * The time limit of an exchange: first for the response's headers, then for the progress of its body.
 *
 * @module
 */

import type { Clock } from "../runtime.ts";
import type { Deadlines, TimeLimit, Timed } from "./deadlines.ts";

/** A body that brings less than this in a whole time limit is as good as stalled. */
export const MIN_PROGRESS_BYTES: number = 16 * 1024;

/** An exchange whose time is limited. */
export interface LimitedExchange {
  /** Called once with what did not happen in time. */
  onLate(reason: string): void;
}

/** What measures time. */
export interface Timekeeping {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

/**
 * One timer for all of it, set when the request begins. If it fires in the middle of a body that makes
 * progress, it is set again: an answer that comes at once costs no timer of its own.
 */
export class Progress implements Timed {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #exchange: LimitedExchange;
  #limit: TimeLimit | undefined;
  #status: number | undefined;
  /** When the last piece came, or before it the headers. */
  #lastAt = 0;
  /** Since when {@link Progress.#bytes} have come. */
  #since = 0;
  #bytes = 0;

  constructor({ clock, deadlines }: Timekeeping, limitMs: number, exchange: LimitedExchange) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#exchange = exchange;
    if (Number.isFinite(limitMs)) this.#limit = deadlines.add(limitMs, this);
  }

  /** The headers have come; from now on the limit is the body's. */
  onHeaders(status: number): void {
    this.#status = status;
    if (this.#limit === undefined) return;
    this.#lastAt = this.#clock.now();
    this.#since = this.#lastAt;
  }

  /** A piece of the body has come. */
  onPiece(bytes: number): void {
    if (this.#limit === undefined) return;
    this.#lastAt = this.#clock.now();
    this.#bytes += bytes;
  }

  /** It is over, or its body has no limit. */
  stop(): void {
    this.#limit?.cancel();
    this.#limit = undefined;
  }

  #wait(delayMs: number): void {
    this.#limit = { cancel: this.#clock.setTimeout(() => this.onDeadline(), delayMs) };
  }

  onDeadline(): void {
    this.#limit = undefined;
    const limitMs = this.#limitMs;
    if (this.#status === undefined) {
      return this.#exchange.onLate(`no response headers came within ${limitMs} ms (timeoutMs)`);
    }
    const now = this.#clock.now();
    const answer = `its answer (status ${this.#status})`;
    if (now - this.#lastAt >= limitMs) {
      return this.#exchange.onLate(`${answer} stalled: nothing came for ${limitMs} ms (timeoutMs)`);
    }
    if (now - this.#since >= limitMs) {
      if (this.#bytes < MIN_PROGRESS_BYTES) {
        const came = `less than ${MIN_PROGRESS_BYTES / 1024} KiB came within ${limitMs} ms`;
        return this.#exchange.onLate(`${answer} is too slow: ${came} (timeoutMs)`);
      }
      this.#since = now;
      this.#bytes = 0;
    }
    this.#wait(Math.ceil(Math.min(this.#lastAt, this.#since) + limitMs - now));
  }
}
