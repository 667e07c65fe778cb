/**
 * What may bring trust back, for requests that wait for it.
 *
 * @module
 */

import type { UntrustedServerError } from "../errors.ts";
import type { EventListener } from "../events.ts";
import type { Clock } from "../runtime.ts";

/** What may bring trust back, for targets such as the URL of a request. */
export interface TrustRenewal<Target> {
  /** The host of a target's server, as `verified()` of a `TrustWait` takes it. */
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
  /** Loads what {@link TrustRenewal.probe} needs, if that is not loaded from the start. */
  prepare?(): Promise<unknown>;
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

/** A request whose server was rejected. It may be rejected again after it has waited, and then waits for the rest. */
export interface TrustingRequest {
  /**
   * Waits until it may be sent again.
   *
   * @throws {UntrustedServerError} if there is nothing to wait for, or the time is up.
   * @throws The signal's reason, once it is aborted.
   */
  wait(rejection: UntrustedServerError): Promise<void>;
  /** To be called when it was answered or has failed: it will not wait again. */
  done(): void;
  /** The error of a request that waits and whose own time is up; `undefined` if it does not wait. */
  timedOut(): UntrustedServerError | undefined;
}
