/**
 * Waiting for trust. A server's certificate may be replaced before the CA bundle is: a request whose server is
 * rejected, though this client has verified it before, waits until the server is trusted again.
 *
 * @module
 */

import { UntrustedServerError } from "../errors.ts";
import { type EventListener, notify } from "../events.ts";
import { checkDuration, timeLimit } from "../options.ts";
import type { Clock } from "../runtime.ts";
import { ServerWait } from "./server-wait.ts";

/** The most requests of a client that wait at once. */
const MAX_WAITING = 1_000;
/** The most servers that a client remembers to have verified. */
const MAX_SERVERS = 1_000;

/**
 * Checks the option `trustWaitMs`.
 *
 * @returns It, or its default.
 * @throws {TypeError} if it is no number. @throws {RangeError} if it is out of range.
 */
export function checkTrustWaitMs(value: number | undefined): number {
  return checkDuration("trustWaitMs", value, { ...timeLimit, min: 0 }) ?? 10_000;
}

/** What may bring trust back, for targets such as the URL of a request. */
export interface TrustRenewal<Target> {
  /** The host of a target's server, as {@link TrustWait.verified} takes it. */
  hostOf(target: Target): string;
  /** Whether anything of it can change: text that was passed in can't. */
  canChange(): boolean;
  /** The fingerprint of the bundle that new connections trust. It must not throw. */
  fingerprint(): string | undefined;
  /** Reads again whom to trust, once the cooldown has passed. */
  reload(signal: AbortSignal): Promise<unknown>;
  /**
   * Whether a target's server is trusted now: connects to it, and sends nothing. `undefined` if no other bundle can
   * help, as with the certificate of another host: each request finds out by itself.
   */
  probe(target: Target, signal: AbortSignal): Promise<boolean | undefined>;
}

/** What a wait is made of. */
export interface TrustWaitParts<Target> {
  readonly clock: Clock;
  /** How long one request waits at most, in milliseconds. */
  readonly limitMs: number;
  readonly onEvent: EventListener | undefined;
  /** Called once there is a rejection. */
  renewal(): TrustRenewal<Target>;
}

/** A server that requests wait for. */
export interface TrustWaitStatus {
  /** The server, as in `https://10.0.0.1:6443`. */
  readonly server: string;
  /** Since when requests have waited for it, in milliseconds since the epoch. */
  readonly since: number;
  /** How many wait. */
  readonly requests: number;
}

export class TrustWait<Target extends object> {
  readonly #parts: TrustWaitParts<Target>;
  /** By host and port. */
  readonly #verified = new Set<string>();
  readonly #waits = new Map<string, ServerWait>();
  #lastVerified: string | undefined;

  constructor(parts: TrustWaitParts<Target>) {
    this.#parts = parts;
  }

  /** The servers that requests wait for. */
  get status(): TrustWaitStatus[] {
    return Array.from(this.#waits.values(), ({ server, since, requests }) => {
      return { server, since, requests };
    });
  }

  /**
   * To be called when a server's certificate was verified, or a request was answered, which says the same.
   *
   * @param host Its host, with the port unless it is the scheme's own. Empty for a server that nobody names.
   */
  verified(host: string): void {
    // The first test is all that a request costs while nothing is wrong.
    if (host !== this.#lastVerified) this.#remember(host);
    if (this.#waits.size > 0) this.#waits.get(host)?.onSignOfTrust();
  }

  /** Whether a request may wait: its server was verified before, and another bundle could help. */
  mayWait({ reason }: UntrustedServerError, target: Target | undefined): boolean {
    if (this.#parts.limitMs === 0 || reason === "wrong-host") return false;
    return this.#verified.has(this.#hostOf(target)) && this.#parts.renewal().canChange();
  }

  /**
   * A request that was rejected, for all of its waits.
   *
   * @param target Where its server is; `undefined` if nobody knows. Then it may try again once the bundle has changed.
   */
  request(target: Target | undefined, signal: AbortSignal | undefined): TrustingRequest<Target> {
    return new TrustingRequest(this, this.#parts, { target, signal });
  }

  /** Lets every request try again, since the config now names another server. */
  release(): void {
    for (const wait of this.#waits.values()) wait.end(false);
  }

  /** The wait for a server, which is joined at once. */
  waitFor(rejection: UntrustedServerError, target: Target | undefined): ServerWait {
    const { clock, limitMs, onEvent } = this.#parts;
    const renewal = this.#parts.renewal();
    const host = this.#hostOf(target);
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

  #hostOf(target: Target | undefined): string {
    return target === undefined ? "" : this.#parts.renewal().hostOf(target);
  }

  #remember(host: string): void {
    this.#lastVerified = host;
    this.#verified.delete(host);
    this.#verified.add(host);
    const [oldest] = this.#verified;
    if (this.#verified.size > MAX_SERVERS && oldest !== undefined) this.#verified.delete(oldest);
  }
}

interface WaitingRequest<Target> {
  readonly target: Target | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A request whose server was rejected. It may be rejected again after it has waited, and then waits for the rest. */
export class TrustingRequest<Target extends object> {
  readonly #waits: TrustWait<Target>;
  readonly #parts: TrustWaitParts<Target>;
  readonly #request: WaitingRequest<Target>;
  /** When it was rejected first, by the monotonic clock. */
  #since: number | undefined;
  /** What it waits after; `undefined` while it does not wait. */
  #rejection: UntrustedServerError | undefined;

  constructor(
    waits: TrustWait<Target>,
    parts: TrustWaitParts<Target>,
    request: WaitingRequest<Target>,
  ) {
    this.#waits = waits;
    this.#parts = parts;
    this.#request = request;
  }

  /**
   * Waits until it may be sent again.
   *
   * @throws {UntrustedServerError} if there is nothing to wait for, or the time is up.
   * @throws The signal's reason, once it is aborted.
   */
  async wait(rejection: UntrustedServerError): Promise<void> {
    const { clock, limitMs } = this.#parts;
    const { target, signal } = this.#request;
    if (!this.#waits.mayWait(rejection, target)) throw rejection;
    this.#since ??= clock.now();
    const leftMs = this.#since + limitMs - clock.now();
    if (leftMs <= 0) throw this.#inVain(rejection, "trustWaitMs");
    // Another bundle has come since the handshake began.
    if (this.#parts.renewal().fingerprint() !== rejection.fingerprint) return;
    if (this.#waits.isFull()) {
      throw extended(rejection, `it did not wait for trust, since ${MAX_WAITING} requests do`, 0);
    }
    this.#rejection = rejection;
    try {
      const mayTry = await this.#waits.waitFor(rejection, target).join(signal, leftMs);
      if (!mayTry) throw this.#inVain(rejection, "trustWaitMs");
    } finally {
      this.#rejection = undefined;
    }
  }

  /** The error of a request that waits and whose own time is up; `undefined` if it does not wait. */
  timedOut(): UntrustedServerError | undefined {
    return this.#rejection && this.#inVain(this.#rejection, "timeoutMs");
  }

  #inVain(rejection: UntrustedServerError, limit: string): UntrustedServerError {
    const waitedMs = Math.round(this.#parts.clock.now() - (this.#since ?? 0));
    const waited = `it was not trusted within ${waitedMs} ms (${limit})`;
    return extended(rejection, waited, waitedMs);
  }
}

function extended(
  { message, reason, server, caSource, fingerprint, cause }: UntrustedServerError,
  more: string,
  waitedMs: number,
): UntrustedServerError {
  const details = { reason, server, caSource, fingerprint, waitedMs };
  return new UntrustedServerError(`${message}; ${more}`, details, { cause });
}
