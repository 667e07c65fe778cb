/**
 * The connections to one origin under one trust, and the requests that wait for one.
 *
 * The connection that was free last is used first, so that those which are not needed become old and are closed.
 * Attempts to connect belong to all who wait: whichever connection is there first takes the request that has waited
 * longest, and a request that comes later never overtakes it.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import { Connection } from "./connection.ts";
import type { Wire } from "./wire.ts";

/** How much longer than its limit a connection may stay, so that few timers are set. */
const SWEEP_TOLERANCE_MS = 250;

/** How many attempts to connect are made at once: the next requests of a burst are sent on the first connections. */
const MAX_ATTEMPTS = 128;

/** A connection that was idle for longer than this may have been closed by the server, and nobody has noticed yet. */
const UNCERTAIN_AFTER_MS = 1;

/** A request that a connection is wanted for. */
export interface Job {
  /** Whether it needs a connection that has carried no other request. */
  readonly isFresh: boolean;
  /** Whether it may be sent again if its connection is lost. */
  readonly isRepeatable: boolean;
  /** Called once, unless it fails: to be sent in the same turn. */
  start(connection: Connection): void;
  /** Called if no connection comes about. */
  fail(error: unknown): void;
}

/** What a pool is made of. */
export interface PoolParts {
  /** What the header `host` says. */
  readonly host: string;
  /** How many connections it may have at once. */
  readonly maxConnections: number;
  /** How long a connection may be idle, in milliseconds. */
  readonly idleLimitMs: number;
  /** Connects; ends the attempt when the signal is aborted. */
  connect(signal: AbortSignal): Promise<Wire>;
  /** Monotonic milliseconds. */
  now(): number;
  /** Resolves once what has arrived by now has been noticed. */
  settle(): Promise<void>;
  /** Calls back once, by a timer that does not keep the process alive; returns what cancels that. */
  later(callback: () => void, delayMs: number): () => void;
  /** Called when it has become empty. */
  onEmpty(): void;
  /** What a request fails with that still waits when the pool is retired. */
  late(): Error;
}

interface Waiting {
  readonly job: Job;
  /** Whether an attempt to connect was begun for it. */
  hasAttempt: boolean;
}

export class Pool {
  readonly #parts: PoolParts;
  /** Free connections, the one that was free last at the end. */
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  #queue: Waiting[] = [];
  readonly #settling = new Set<Job>();
  readonly #attempts = new Set<AbortController>();
  #isRetired = false;
  #cancelSweep: (() => void) | undefined;
  #nextSweep = 0;

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** Whether it has no connection, and nothing waits for one. */
  get isEmpty(): boolean {
    const waiting = this.#queue.length + this.#settling.size;
    return this.#all.size + this.#attempts.size + waiting === 0;
  }

  /** Sends a request as soon as there is a connection. */
  add(job: Job): void {
    if (this.#queue.length === 0 && !job.isFresh) {
      const now = this.#parts.now();
      const connection = this.#takeIdle(now);
      if (connection !== undefined) {
        const idleMs = now - connection.idleSince;
        if (job.isRepeatable || idleMs < UNCERTAIN_AFTER_MS) job.start(connection);
        else void this.#startSettled(job, connection);
        return;
      }
    }
    this.#queue.push({ job, hasAttempt: false });
    this.#connectMore();
  }

  /** Sends a request that may reach the server only once, unless its connection turns out to be closed already. */
  async #startSettled(job: Job, connection: Connection): Promise<void> {
    this.#settling.add(job);
    await this.#parts.settle();
    if (!this.#settling.delete(job)) {
      if (!connection.isGone) this.onFree(connection);
      this.#checkEmpty();
    } else if (connection.isGone) this.add(job);
    else job.start(connection);
  }

  /** Lets a request go that waits. Attempts end when nobody waits for one any more. */
  remove(job: Job): void {
    if (this.#settling.delete(job)) return;
    this.#queue = this.#queue.filter((waiting) => waiting.job !== job);
    if (this.#queue.length === 0) this.#endAttempts();
  }

  /**
   * Closes what is idle, now and from now on. What waits fails: nothing of it was sent, and it must not be sent on
   * connections of a trust that has been replaced.
   */
  retire(): void {
    this.#isRetired = true;
    for (const connection of this.#idle.splice(0)) this.#close(connection);
    const waiting = [...this.#settling, ...this.#queue.splice(0).map(({ job }) => job)];
    this.#settling.clear();
    this.#endAttempts();
    for (const job of waiting) job.fail(this.#parts.late());
  }

  #endAttempts(): void {
    const reason = new ConnectionError("Cannot connect: nobody waits for it any more");
    const attempts = [...this.#attempts];
    this.#attempts.clear();
    for (const attempt of attempts) attempt.abort(reason);
    this.#checkEmpty();
  }

  onFree(connection: Connection): void {
    const { now } = this.#parts;
    const next = this.#queue[0];
    if (next !== undefined) {
      if (next.job.isFresh && connection.taken > 0) {
        this.#close(connection); // Which makes room, and connects again.
        return;
      }
      this.#queue.shift();
      next.job.start(connection);
      return;
    }
    if (this.#isRetired) {
      this.#close(connection);
      return;
    }
    connection.setReferenced(false);
    const { idleLimitMs } = this.#parts;
    connection.idleSince = now();
    connection.idleUntil = connection.idleSince + Math.min(connection.idleLimitMs, idleLimitMs);
    this.#idle.push(connection);
    this.#sweepAt(connection.idleUntil);
  }

  onGone(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#connectMore();
    this.#checkEmpty();
  }

  #close(connection: Connection): void {
    connection.abort(new ConnectionError("Cannot use the connection: it was idle"));
  }

  #connectMore(): void {
    const { maxConnections } = this.#parts;
    // A connection that is idle, though it is not fresh, stands in the way of one that is.
    if (this.#queue.length > this.#attempts.size && this.#all.size >= maxConnections) {
      const oldest = this.#idle.shift();
      if (oldest !== undefined) this.#close(oldest);
    }
    while (
      this.#attempts.size < Math.min(this.#queue.length, MAX_ATTEMPTS) &&
      this.#all.size + this.#attempts.size < maxConnections
    ) {
      this.#connect();
    }
  }

  #connect(): void {
    const attempt = new AbortController();
    this.#attempts.add(attempt);
    const beganFor = this.#queue.find(({ hasAttempt }) => !hasAttempt);
    if (beganFor !== undefined) beganFor.hasAttempt = true;
    this.#parts.connect(attempt.signal).then(
      (wire) => {
        this.#attempts.delete(attempt);
        if (attempt.signal.aborted) return wire.abort(attempt.signal.reason);
        const connection = new Connection(wire, this.#parts.host, this);
        if (connection.isGone) return this.#failAttempt(beganFor, connection.goneBy);
        this.#all.add(connection);
        this.onFree(connection);
      },
      (error: unknown) => {
        this.#attempts.delete(attempt);
        if (!attempt.signal.aborted) this.#failAttempt(beganFor, error);
        else this.#checkEmpty();
      },
    );
  }

  #failAttempt(beganFor: Waiting | undefined, error: unknown): void {
    this.#failOne(beganFor, error);
    this.#connectMore();
    this.#checkEmpty();
  }

  /**
   * Fails the request that an attempt was begun for. If another connection has taken that one, the oldest has no
   * attempt left, unless there are others.
   */
  #failOne(beganFor: Waiting | undefined, error: unknown): void {
    const isWaiting = beganFor !== undefined && this.#queue.includes(beganFor);
    const failed = isWaiting
      ? beganFor
      : this.#attempts.size < this.#queue.length
        ? this.#queue.find(({ hasAttempt }) => hasAttempt)
        : undefined;
    if (failed === undefined) return;
    this.#queue = this.#queue.filter((waiting) => waiting !== failed);
    failed.job.fail(error);
  }

  #checkEmpty(): void {
    if (!this.isEmpty) return;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#parts.onEmpty();
  }

  /** Sweeps at a time, or at an earlier one that is set already. */
  #sweepAt(time: number): void {
    const { now, later } = this.#parts;
    if (this.#cancelSweep !== undefined) {
      if (this.#nextSweep <= time + SWEEP_TOLERANCE_MS) return;
      this.#cancelSweep();
    }
    this.#nextSweep = time;
    this.#cancelSweep = later(
      () => {
        this.#cancelSweep = undefined;
        this.#sweep();
      },
      Math.max(time - now(), 0) + SWEEP_TOLERANCE_MS,
    );
  }

  #sweep(): void {
    const time = this.#parts.now();
    const old = this.#idle.filter(({ idleUntil }) => idleUntil <= time);
    for (const connection of old) this.#close(connection);
    const next = Math.min(...this.#idle.map(({ idleUntil }) => idleUntil));
    if (Number.isFinite(next)) this.#sweepAt(next);
  }

  /** The connection that was free last, unless it has been idle for too long. */
  #takeIdle(now: number): Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      if (connection.idleUntil > now) {
        connection.setReferenced(true);
        return connection;
      }
      this.#close(connection);
    }
  }
}
