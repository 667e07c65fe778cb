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
/** How long a wait goes on at most for requests that were let through, since another server may reject them. */
const RETRY_MS = 1_000;

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
  /** Called once, when all that waited have been answered, or nobody waits any more. */
  onEnd(trusted: boolean, waitedMs: number): void;
}

/** Reads and probes, for as long as requests wait. */
interface Round {
  /** Aborted when it has ended. */
  readonly over: AbortController;
  /** What lets each request try again. */
  readonly releases: Set<() => void>;
  /** What ends each probe under way, the oldest first. */
  readonly probes: Set<AbortController>;
  probedAt: number;
}

export class ServerWait {
  readonly server: string;
  /** Since when requests have waited, in milliseconds since the epoch. */
  readonly since: number;
  readonly #parts: ServerWaitParts;
  readonly #beganAt: number;
  /** The requests that wait, and those that were let through and may be back. */
  readonly #members = new Set<object>();
  #round: Round | undefined;
  /** When the last round ended with a server that is trusted; `undefined` if it ended otherwise. */
  #trustedAt: number | undefined;
  #cancelEnd: (() => void) | undefined;
  #ended = false;

  constructor(parts: ServerWaitParts) {
    this.#parts = parts;
    this.server = parts.server;
    this.since = parts.clock.wallNow();
    this.#beganAt = parts.clock.now();
  }

  /** How many requests wait. */
  get requests(): number {
    return this.#round?.releases.size ?? 0;
  }

  /**
   * Waits with the others.
   *
   * @param member The request, which is to {@link ServerWait.leave}.
   * @returns Whether the request may try again; `false` if its time is up.
   * @throws The signal's reason, once it is aborted.
   */
  async join(member: object, signal: AbortSignal | undefined, leftMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const release = (): void => resolve(true);
    const cancel = Number.isFinite(leftMs)
      ? this.#parts.clock.setTimeout(() => resolve(false), leftMs)
      : undefined;
    const { releases } = (this.#round ??= this.#begin());
    this.#members.add(member);
    releases.add(release);
    try {
      return await orAborted(promise, signal);
    } finally {
      cancel?.();
      // Of a round that has ended, they are gone.
      if (releases.delete(release)) this.leave(member);
    }
  }

  /** To be called for each request that has joined, once it needs no wait any more. */
  leave(member: object): void {
    this.#members.delete(member);
    if (this.#members.size === 0) this.#end();
    else if (this.requests === 0) this.#endRound(undefined);
  }

  /** A request to the server was answered: by a connection that was just verified, or by an old one. */
  onSignOfTrust(): void {
    const round = this.#round;
    if (round === undefined || round.probes.size > 0) return;
    if (this.#parts.clock.now() - round.probedAt >= PROBE_COOLDOWN_MS) this.#probe(round);
  }

  /** Lets all of them try again, though the server is not known to be trusted. */
  release(): void {
    this.#endRound(undefined);
    this.#end();
  }

  #begin(): Round {
    this.#cancelEnd?.();
    this.#trustedAt = undefined;
    const round: Round = {
      over: new AbortController(),
      releases: new Set(),
      probes: new Set(),
      probedAt: this.#parts.clock.now(),
    };
    void this.#readUntilOver(round);
    void this.#probeUntilOver(round);
    return round;
  }

  /** Lets all of them try again. One that another server behind the address rejects is back soon, in the same wait. */
  #endRound(trustedAt: number | undefined): void {
    const round = this.#round;
    if (round === undefined) return;
    this.#round = undefined;
    this.#trustedAt = trustedAt;
    round.over.abort();
    endProbes(round);
    const releases = [...round.releases];
    round.releases.clear();
    for (const release of releases) release();
    this.#cancelEnd = this.#parts.clock.setTimeout(() => this.#end(), RETRY_MS);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endRound(undefined);
    this.#cancelEnd?.();
    const endedAt = this.#trustedAt ?? this.#parts.clock.now();
    this.#parts.onEnd(this.#trustedAt !== undefined, Math.round(endedAt - this.#beganAt));
  }

  async #readUntilOver(round: Round): Promise<void> {
    const parts = this.#parts;
    const { signal } = round.over;
    let known = parts.fingerprint();
    while (!signal.aborted) {
      // Sources report their failures themselves.
      await Promise.allSettled([parts.reload(signal)]);
      if (signal.aborted) return;
      const latest = parts.fingerprint();
      if (latest !== known) {
        known = latest;
        // What a probe would say that began before is out of date.
        endProbes(round);
        this.#probe(round);
      }
      await Promise.allSettled([sleep(parts.clock, READ_PAUSE_MS, signal)]);
    }
  }

  async #probeUntilOver(round: Round): Promise<void> {
    const { signal } = round.over;
    while (!signal.aborted && this.#parts.probe !== undefined) {
      await Promise.allSettled([sleep(this.#parts.clock, PROBE_INTERVAL_MS, signal)]);
      // Also beside one that hangs.
      if (!signal.aborted) this.#probe(round);
    }
  }

  #probe(round: Round): void {
    const { probe, clock } = this.#parts;
    // Then each request finds out by itself.
    if (probe === undefined) return this.#endRound(clock.now());
    const [oldest] = round.probes;
    if (round.probes.size === MAX_PROBES && oldest !== undefined) endProbe(round, oldest);
    const probing = new AbortController();
    round.probes.add(probing);
    round.probedAt = clock.now();
    const settle = (trusted: boolean | undefined): void => {
      // One that was ended says nothing.
      if (!round.probes.delete(probing) || trusted === false) return;
      if (trusted === true) this.#endRound(clock.now());
      else this.release();
    };
    probe(probing.signal).then(settle, () => settle(false));
  }
}

function endProbes(round: Round): void {
  for (const probing of round.probes) endProbe(round, probing);
}

function endProbe({ probes }: Round, probing: AbortController): void {
  probes.delete(probing);
  probing.abort();
}
