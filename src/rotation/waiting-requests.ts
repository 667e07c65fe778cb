/**
 * The requests that wait for trust, each of them for as long as it may. Loaded once a server has been verified: no
 * request waits before, and no answer has to wait for this.
 *
 * @module
 */

import type { UntrustedServerError } from "../errors.ts";
import { notify } from "../events.ts";
import { ServerWait } from "./server-wait.ts";
import type { TrustWaitParts, TrustWaitStatus, TrustingRequest } from "./trust-renewal.ts";
import { withWait } from "./untrusted-error.ts";

/** The most requests of a client that wait at once. */
const MAX_WAITING = 1_000;

export class WaitingRequests<Target extends object> {
  readonly #parts: TrustWaitParts<Target>;
  /** By host and port. */
  readonly #waits = new Map<string, ServerWait>();

  constructor(parts: TrustWaitParts<Target>) {
    this.#parts = parts;
  }

  /** The servers that they wait for. */
  get status(): TrustWaitStatus[] {
    return Array.from(this.#waits.values(), ({ server, since, requests }) => {
      return { server, since, requests };
    }).filter(({ requests }) => requests > 0);
  }

  /** A request to a server was answered. */
  onSignOfTrust(host: string): void {
    if (this.#waits.size > 0) this.#waits.get(host)?.onSignOfTrust();
  }

  /** A request that was rejected, for all of its waits. */
  request(target: Target | undefined, signal: AbortSignal | undefined): TrustingRequest {
    return new WaitingRequest(this, this.#parts, { target, signal });
  }

  /** Lets all of them try again. */
  release(): void {
    for (const wait of this.#waits.values()) wait.release();
  }

  /** The wait for a server, which is to be joined at once. */
  waitFor(rejection: UntrustedServerError, target: Target | undefined): ServerWait {
    const { clock, limitMs, onEvent } = this.#parts;
    const renewal = this.#parts.renewal();
    const host = target === undefined ? "" : renewal.hostOf(target);
    const known = this.#waits.get(host);
    if (known !== undefined) return known;
    const { server, reason, caSource: source } = rejection;
    const wait = new ServerWait({
      server,
      clock,
      fingerprint: () => renewal.fingerprint(),
      reload: (signal) => renewal.reload(signal),
      probe: target && ((signal) => renewal.probe(target, signal)),
      onEnd: (trusted, waitedMs) => {
        this.#waits.delete(host);
        notify(onEvent, { type: "waited-for-trust", server, trusted, waitedMs });
      },
    });
    this.#waits.set(host, wait);
    notify(onEvent, { type: "waiting-for-trust", server, reason, source, limitMs });
    return wait;
  }

  /** Whether as many requests wait as may. */
  isFull(): boolean {
    let waiting = 0;
    for (const { requests } of this.#waits.values()) waiting += requests;
    return waiting >= MAX_WAITING;
  }
}

interface RequestTerms<Target> {
  readonly target: Target | undefined;
  readonly signal: AbortSignal | undefined;
}

/** See {@link TrustingRequest}. */
class WaitingRequest<Target extends object> implements TrustingRequest {
  readonly #waits: WaitingRequests<Target>;
  readonly #parts: TrustWaitParts<Target>;
  readonly #terms: RequestTerms<Target>;
  /** When it was rejected first, by the monotonic clock. */
  #since: number | undefined;
  #wait: ServerWait | undefined;
  /** What it waits after; `undefined` while it does not wait. */
  #rejection: UntrustedServerError | undefined;

  constructor(
    waits: WaitingRequests<Target>,
    parts: TrustWaitParts<Target>,
    terms: RequestTerms<Target>,
  ) {
    this.#waits = waits;
    this.#parts = parts;
    this.#terms = terms;
  }

  async wait(rejection: UntrustedServerError): Promise<void> {
    const { clock, limitMs } = this.#parts;
    const { target, signal } = this.#terms;
    this.#since ??= clock.now();
    const leftMs = this.#since + limitMs - clock.now();
    if (leftMs <= 0) throw this.#inVain(rejection, "trustWaitMs");
    // Another bundle has come since the handshake began.
    if (this.#parts.renewal().fingerprint() !== rejection.fingerprint) return;
    if (this.#waits.isFull()) {
      throw withWait(rejection, `it did not wait for trust, since ${MAX_WAITING} requests do`, 0);
    }
    this.#rejection = rejection;
    try {
      this.#wait = this.#waits.waitFor(rejection, target);
      const mayTry = await this.#wait.join(this, signal, leftMs);
      if (!mayTry) throw this.#inVain(rejection, "trustWaitMs");
    } finally {
      this.#rejection = undefined;
    }
  }

  done(): void {
    this.#wait?.leave(this);
  }

  timedOut(): UntrustedServerError | undefined {
    return this.#rejection && this.#inVain(this.#rejection, "timeoutMs");
  }

  #inVain(rejection: UntrustedServerError, limit: string): UntrustedServerError {
    const waitedMs = Math.round(this.#parts.clock.now() - (this.#since ?? 0));
    const waited = `it was not trusted within ${waitedMs} ms (${limit})`;
    return withWait(rejection, waited, waitedMs);
  }
}
