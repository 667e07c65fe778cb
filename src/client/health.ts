/**
 * How a client's latest requests went, for `kube.status()`.
 *
 * @module
 */

import { reasonOf } from "../api/api-error.ts";
import {
  ClosedError,
  ReanchorError,
  type ReanchorErrorCode,
  SourceError,
  UntrustedServerError,
} from "../errors.ts";
import type { Clock } from "../runtime.ts";
import { isProxied } from "../transport/authorize.ts";
import type { RequestObserver } from "../transport/flight.ts";
import type { OutgoingRequest } from "../transport/request.ts";

/** How a request failed. */
export interface RequestFailure {
  /** When, in milliseconds since the epoch. */
  readonly at: number;
  /** The error's `code`. It is `ERR_REANCHOR_API` for an answer of status 401, 429, or from 500 on. */
  readonly code: ReanchorErrorCode;
  /**
   * The `reason` of an `UntrustedServerError` or a `SourceError`, the reason of an answer's status, as in
   * `Unauthorized`, or the message of any other error.
   */
  readonly reason: string;
}

export class Health implements RequestObserver {
  readonly #clock: Clock;
  #lastSuccessAt: number | undefined;
  #lastFailure: RequestFailure | undefined;
  #isTrusted = true;
  #isIdentified = true;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** When a request last succeeded, in milliseconds since the epoch. */
  get lastSuccessAt(): number | undefined {
    return this.#lastSuccessAt;
  }

  get lastFailure(): RequestFailure | undefined {
    return this.#lastFailure;
  }

  /** Whether neither trust nor identity has been rejected since the last success. */
  get isAccepted(): boolean {
    return this.#isTrusted && this.#isIdentified;
  }

  answered(request: OutgoingRequest, status: number): void {
    // Whatever the answer, its server was trusted.
    this.#isTrusted = true;
    if (status === 401) {
      // Not for credentials of the caller's own, nor those that a service behind a proxy asks for.
      if (request.authorized || isProxied(request.url)) return;
      this.#isIdentified = false;
    }
    if (status === 401 || status === 429 || status >= 500) {
      this.#fail("ERR_REANCHOR_API", reasonOf(status));
      return;
    }
    this.#lastSuccessAt = this.#clock.wallNow();
    if (!request.authorized) this.#isIdentified = true;
  }

  failed(error: unknown): void {
    if (!(error instanceof ReanchorError) || error instanceof ClosedError) return;
    if (error instanceof UntrustedServerError) {
      this.#isTrusted = false;
      this.#fail(error.code, error.reason);
    } else if (error instanceof SourceError) {
      // There is no credential to send, not even an old one.
      this.#isIdentified = false;
      this.#fail(error.code, error.reason);
    } else this.#fail(error.code, error.message);
  }

  #fail(code: ReanchorErrorCode, reason: string): void {
    this.#lastFailure = { at: this.#clock.wallNow(), code, reason };
  }
}
