/**
 * The wait for one server to be trusted again: one reader and one prober for any number of requests.
 *
 * @module
 */

import { orAborted, sleep } from "../abort.ts";
import type { Clock } from "../runtime.ts";

/** How often a server is probed, since several servers may stand behind its address. */
const PROBE_INTERVAL_MS = 1_000;
/** The least time from one probe to the next that a sign of trust asks for. */
const PROBE_COOLDOWN_MS = 100;
/** The most probes at once: a server that never answers one may have neighbours that do. */
const MAX_PROBES = 10;
/** The least time between two reads of a source that has no cooldown. */
const READ_PAUSE_MS = 10;

/** What a wait is made of. */
export interface ServerWaitParts {
  readonly server: string;
  readonly clock: Clock;
  /** The fingerprint of the bundle that new connections trust. It must not throw. */
  fingerprint(): string | undefined;
  /** Reads again whom to trust, once the cooldown has passed. */
  reload(signal: AbortSignal): Promise<unknown>;
  /**
   * Whether the server is trusted now, or `undefined` if no other bundle can help; the probe itself is `undefined` if
   * nobody knows where the server is.
   */
  readonly probe: ((signal: AbortSignal) => Promise<boolean | undefined>) | undefined;
  /** Called once, when the server is trusted again or nobody waits any more. */
  onEnd(trusted: boolean, waitedMs: number): void;
}

export class ServerWait {
  readonly server: string;
  /** Since when requests have waited, in milliseconds since the epoch. */
  readonly since: number;
  readonly #parts: ServerWaitParts;
  readonly #beganAt: number;
  /** What lets each request try again. */
  readonly #releases = new Set<() => void>();
  /** Aborted when it has ended. */
  readonly #over = new AbortController();
  /** What ends each probe under way, the oldest first. */
  readonly #probes = new Set<AbortController>();
  #probedAt: number;

  constructor(parts: ServerWaitParts) {
    this.#parts = parts;
    this.server = parts.server;
    this.since = parts.clock.wallNow();
    this.#beganAt = parts.clock.now();
    this.#probedAt = this.#beganAt;
    void this.#readUntilOver();
    void this.#probeUntilOver();
  }

  /** How many requests wait. */
  get requests(): number {
    return this.#releases.size;
  }

  /**
   * Waits with the others.
   *
   * @returns Whether the request may try again; `false` if its time is up.
   * @throws The signal's reason, once it is aborted.
   */
  async join(signal: AbortSignal | undefined, leftMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const release = (): void => resolve(true);
    const cancel = Number.isFinite(leftMs)
      ? this.#parts.clock.setTimeout(() => resolve(false), leftMs)
      : undefined;
    this.#releases.add(release);
    try {
      return await orAborted(promise, signal);
    } finally {
      cancel?.();
      this.#releases.delete(release);
      if (this.#releases.size === 0) this.end(false);
    }
  }

  /** A request to the server was answered: by a connection that was just verified, or by an old one. */
  onSignOfTrust(): void {
    const isDue = this.#parts.clock.now() - this.#probedAt >= PROBE_COOLDOWN_MS;
    if (this.#probes.size === 0 && isDue) this.#probe();
  }

  /** Lets all of them try again. */
  end(trusted: boolean): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#endProbes();
    this.#parts.onEnd(trusted, Math.round(this.#parts.clock.now() - this.#beganAt));
    for (const release of this.#releases) release();
  }

  async #readUntilOver(): Promise<void> {
    const parts = this.#parts;
    const { signal } = this.#over;
    let known = parts.fingerprint();
    while (!signal.aborted) {
      // Sources report their failures themselves.
      await Promise.allSettled([parts.reload(signal)]);
      if (signal.aborted) return;
      const latest = parts.fingerprint();
      if (latest !== known) {
        known = latest;
        // What a probe would say that began before is out of date.
        this.#endProbes();
        this.#probe();
      }
      await Promise.allSettled([sleep(parts.clock, READ_PAUSE_MS, signal)]);
    }
  }

  async #probeUntilOver(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted && this.#parts.probe !== undefined) {
      await Promise.allSettled([sleep(this.#parts.clock, PROBE_INTERVAL_MS, signal)]);
      // Also beside one that hangs.
      if (!signal.aborted) this.#probe();
    }
  }

  #probe(): void {
    const { probe } = this.#parts;
    // Then each request finds out by itself.
    if (probe === undefined) return this.end(true);
    const [oldest] = this.#probes;
    if (this.#probes.size === MAX_PROBES && oldest !== undefined) this.#endProbe(oldest);
    const probing = new AbortController();
    this.#probes.add(probing);
    this.#probedAt = this.#parts.clock.now();
    const settle = (trusted: boolean | undefined): void => {
      // One that was ended says nothing.
      if (!this.#probes.delete(probing) || trusted === false) return;
      this.end(trusted === true);
    };
    probe(probing.signal).then(settle, () => settle(false));
  }

  #endProbes(): void {
    for (const probing of this.#probes) this.#endProbe(probing);
  }

  #endProbe(probing: AbortController): void {
    this.#probes.delete(probing);
    probing.abort();
  }
}
