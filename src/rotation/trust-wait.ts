/**
 * Waiting for trust. A server's certificate may be replaced before the CA bundle is: a request whose server is
 * rejected, though this client has verified it before, waits until the server is trusted again.
 *
 * @module
 */

import type { UntrustedServerError } from "../errors.ts";
import { checkDuration, timeLimit } from "../options.ts";
import type { TrustWaitParts, TrustWaitStatus, TrustingRequest } from "./trust-renewal.ts";
import type { WaitingRequests } from "./waiting-requests.ts";

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

export class TrustWait<Target extends object> {
  readonly #parts: TrustWaitParts<Target>;
  /** By host and port. */
  readonly #verified = new Set<string>();
  #lastVerified: string | undefined;
  /** `undefined` until its code is loaded. */
  #waiting: WaitingRequests<Target> | undefined;

  constructor(parts: TrustWaitParts<Target>) {
    this.#parts = parts;
  }

  /** The servers that requests wait for. */
  get status(): TrustWaitStatus[] {
    return this.#waiting?.status ?? [];
  }

  /**
   * To be called when a server's certificate was verified, or a request was answered, which says the same.
   *
   * @param host Its host, with the port unless it is the scheme's own. Empty for a server that nobody names.
   */
  verified(host: string): void {
    // The first test is all that a request costs while nothing is wrong.
    if (host !== this.#lastVerified) this.#remember(host);
    this.#waiting?.onSignOfTrust(host);
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
  request(target: Target | undefined, signal: AbortSignal | undefined): TrustingRequest {
    let waiting: TrustingRequest | undefined;
    return {
      wait: async (rejection) => {
        if (!this.mayWait(rejection, target)) throw rejection;
        const requests = this.#waiting ?? (await this.#load().catch(() => undefined));
        if (requests === undefined) throw rejection;
        waiting ??= requests.request(target, signal);
        await waiting.wait(rejection);
      },
      done: () => waiting?.done(),
      timedOut: () => waiting?.timedOut(),
    };
  }

  /** Lets every request try again, since the config now names another server. */
  release(): void {
    this.#waiting?.release();
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
    // Before there is a need: a program that was replaced on disk while it runs could not load it then.
    if (this.#parts.limitMs > 0) this.#prepare().catch(() => {});
  }

  async #prepare(): Promise<void> {
    await Promise.all([this.#load(), this.#parts.renewal().prepare?.()]);
  }

  async #load(): Promise<WaitingRequests<Target>> {
    const { WaitingRequests: Waiting } = await import("./once-rejected.ts");
    return (this.#waiting ??= new Waiting(this.#parts));
  }
}
