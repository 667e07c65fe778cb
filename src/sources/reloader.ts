/**
 * The one cached-reload engine: age is checked at use, one reader serves any number of waiters, and a
 * failed read keeps the last good value. There is no watcher, no background loop, and no timer that
 * outlives the wait or the read it bounds.
 *
 * The rules follow client-go's `transport/ca_rotation.go` and `transport/token_source.go` where those
 * have one.
 *
 * @module
 */

import { orAborted, sleep } from "../abort.ts";
import { messageOf } from "../callback.ts";
import { ConfigError, SourceError } from "../errors.ts";
import { type EventListener, type ReanchorEvent, type SourceKind, notify } from "../events.ts";
import { type DurationRange, checkDuration, checkKnown } from "../options.ts";
import type { Clock } from "../runtime.ts";
import { SharedRead } from "./shared-read.ts";
import {
  type Source,
  type SourceOptions,
  type SourceReloadOptions,
  type SourceStatus,
  type SourceWaitOptions,
  sourceOptionNames,
  reloadOptionNames,
  waitOptionNames,
} from "./source.ts";

/** The first wait after a failed read; it doubles up to the interval, or to a minute. */
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
/** How many intervals without a good read make a value stale. */
const STALE_INTERVALS = 3;
/** How soon a value is looked at again that says it has expired already. */
const EXPIRED_RECHECK_MS = 1_000;

const interval: DurationRange = { min: 0, max: Number.POSITIVE_INFINITY };
const limit: DurationRange = { min: 1, max: 3_600_000 };

/** What makes one kind of source out of the engine. */
export interface ReloaderDefinition<T> {
  readonly kind: SourceKind;
  /** What is loaded, for messages: `CA bundle` or `token`. */
  readonly what: string;
  /** Where from, for messages and status. */
  readonly source: string;
  /** The option that limits a read's time, where it is not `readTimeoutMs`. */
  readonly timeoutName?: string | undefined;
  /** Reads and checks the value. It may continue after the signal, but then nobody waits for it. */
  readonly read: (signal: AbortSignal) => Promise<T>;
  readonly isSame: (a: T, b: T) => boolean;
  /** When the value must be read again at the latest, in milliseconds since the epoch. */
  readonly expiresAt?: ((value: T) => number | undefined) | undefined;
  /** The event of another value; `undefined` for none. */
  readonly changed: (next: T, previous: T) => ReanchorEvent;
  /** The event of the same value. */
  readonly unchanged?: ((value: T) => ReanchorEvent) | undefined;
}

/** Where the engine runs. */
export interface ReloaderHost {
  readonly clock: Clock;
  /** Whether callers may wait for one another's reads. */
  readonly sharedReads: boolean;
}

/** A value, and when it was come by. */
interface Good<T> {
  readonly value: T;
  /** Wall time of the first read of this content. */
  readonly loadedAt: number;
  /** Wall time of the last good read. */
  readonly checkedAt: number;
  /** Monotonic time at which that read began. */
  readonly readAt: number;
  /** The number of that read. */
  readonly read: number;
}

/** The next read on demand, and who waits for it. */
interface Demand<T> {
  readonly result: Promise<T>;
  readonly giveUp: AbortController;
  waiters: number;
}

export class Reloader<T> implements Source<T> {
  readonly #definition: ReloaderDefinition<T>;
  readonly #host: ReloaderHost;
  readonly #intervalMs: number;
  readonly #cooldownMs: number;
  readonly #timeoutMs: number;
  readonly #listeners = new Set<EventListener>();

  #good: Good<T> | undefined;
  #error: SourceError | undefined;
  #failures = 0;
  #staleReported = false;
  /** The monotonic time from which a use reads again. */
  #dueAt = 0;
  /** The monotonic time at which the last read began. */
  #attemptedAt = Number.NEGATIVE_INFINITY;
  /** How many reads have begun. */
  #reads = 0;
  /** The read that callers may join. */
  #sharedRead: SharedRead<T> | undefined;
  #demand: Demand<T> | undefined;
  /** Whether a read that ran out of time is still with the operating system. */
  #stuck = false;

  constructor(definition: ReloaderDefinition<T>, host: ReloaderHost, options: SourceOptions = {}) {
    checkKnown(`a ${definition.what} source`, options, sourceOptionNames);
    this.#definition = definition;
    this.#host = host;
    this.#intervalMs =
      checkDuration("reloadIntervalMs", options.reloadIntervalMs, interval) ?? 60_000;
    this.#cooldownMs = checkDuration("cooldownMs", options.cooldownMs, interval) ?? 100;
    this.#timeoutMs = checkDuration("readTimeoutMs", options.readTimeoutMs, limit) ?? 5_000;
  }

  peek(): T | undefined {
    return this.#good?.value;
  }

  get status(): SourceStatus {
    const good = this.#good;
    const ageMs = good && this.#host.clock.now() - good.readAt;
    return {
      kind: this.#definition.kind,
      source: this.#definition.source,
      loadedAt: good?.loadedAt,
      checkedAt: good?.checkedAt,
      ageMs,
      failures: this.#failures,
      lastError: this.#error?.message,
      // A program that asks for nothing reads nothing: without a failed read, age is no ailment.
      stale:
        ageMs !== undefined && this.#failures > 0 && ageMs > STALE_INTERVALS * this.#intervalMs,
    };
  }

  subscribe(listener: EventListener): () => void {
    // Wrapped, so that a listener that is added twice is called twice and removed once.
    const entry: EventListener = (event) => listener(event);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  fresh(): T | undefined {
    const good = this.#good;
    return good !== undefined && this.#host.clock.now() < this.#dueAt ? good.value : undefined;
  }

  async current(options?: SourceWaitOptions): Promise<T> {
    if (options !== undefined) checkKnown("current", options, waitOptionNames);
    const fresh = this.fresh();
    if (fresh !== undefined) return fresh;
    options?.signal?.throwIfAborted();
    if (!this.#host.sharedReads) return await this.#begin().join(options?.signal);
    // A demand reads as soon as the cooldown allows: a read of our own would only push it back.
    if (this.#demand !== undefined) return await this.#join(this.#demand, options?.signal);
    return await (this.#sharedRead ?? this.#share()).join(options?.signal);
  }

  async reload(options?: SourceReloadOptions): Promise<T> {
    if (options !== undefined) checkKnown("reload", options, reloadOptionNames);
    options?.signal?.throwIfAborted();
    const since = options?.since ?? Number.POSITIVE_INFINITY;
    if (this.#good !== undefined && this.#good.readAt >= since) return this.#good.value;
    if (this.#sharedRead !== undefined && this.#attemptedAt >= since) {
      return await this.#sharedRead.join(options?.signal);
    }
    if (!this.#host.sharedReads) return await this.#reloadAlone(options?.signal);
    return await this.#join((this.#demand ??= this.#newDemand()), options?.signal);
  }

  /** Waits with the others. When the last one gives up, so does the demand. */
  async #join(demand: Demand<T>, signal: AbortSignal | undefined): Promise<T> {
    demand.waiters++;
    try {
      return await orAborted(demand.result, signal);
    } finally {
      demand.waiters--;
      if (demand.waiters === 0) {
        if (this.#demand === demand) this.#demand = undefined;
        demand.giveUp.abort();
      }
    }
  }

  #newDemand(): Demand<T> {
    const giveUp = new AbortController();
    const result = this.#readOnDemand(giveUp.signal);
    result.catch(() => {}); // Those who wait receive the rejection; there may be none left.
    return { result, giveUp, waiters: 0 };
  }

  async #readOnDemand(signal: AbortSignal): Promise<T> {
    // A read that has begun already may have seen the file as it was: its answer is not good enough.
    await Promise.allSettled([this.#sharedRead?.join(signal)]);
    signal.throwIfAborted();
    await this.#coolDown(signal);
    // From here on a caller needs a later read than this one.
    this.#demand = undefined;
    return await this.#share().join(signal);
  }

  /** As on demand, where no promise may be shared: only values are. */
  async #reloadAlone(signal: AbortSignal | undefined): Promise<T> {
    const before = this.#reads;
    await this.#coolDown(signal);
    if (this.#good !== undefined && this.#good.read > before) return this.#good.value;
    return await this.#begin().join(signal);
  }

  async #coolDown(signal: AbortSignal | undefined): Promise<void> {
    const waitMs = this.#attemptedAt + this.#cooldownMs - this.#host.clock.now();
    if (waitMs > 0) await sleep(this.#host.clock, waitMs, signal);
  }

  /** Begins a read that others may join until it ends. */
  #share(): SharedRead<T> {
    const shared = this.#begin(() => {
      this.#sharedRead = undefined;
    });
    this.#sharedRead = shared;
    return shared;
  }

  #begin(onEnd?: () => void): SharedRead<T> {
    const read = ++this.#reads;
    const readAt = this.#host.clock.now();
    this.#attemptedAt = readAt;
    let onLate = (): void => {};
    const late = new Promise<never>((_, reject) => {
      onLate = () => {
        const { timeoutName } = this.#definition;
        const option = timeoutName === undefined ? "" : ` (${timeoutName})`;
        const message = `reading it took longer than ${this.#timeoutMs} ms${option}`;
        reject(new SourceError(message, "timeout"));
      };
    });
    late.catch(() => {}); // Where the read has lost interest in it.
    const result = this.#read(read, readAt, late).finally(onEnd);
    const { clock } = this.#host;
    return new SharedRead({ result, clock, limitMs: this.#timeoutMs, onLate });
  }

  async #read(read: number, readAt: number, late: Promise<never>): Promise<T> {
    try {
      if (this.#stuck) {
        throw new SourceError("an earlier read of it has still not ended", "timeout");
      }
      const abort = new AbortController();
      const reading = Promise.resolve(abort.signal).then(this.#definition.read);
      late.catch(() => {
        abort.abort();
        this.#awaitStuckRead(reading, read, readAt);
      });
      return this.#succeed(await Promise.race([reading, late]), read, readAt);
    } catch (cause) {
      return this.#fail(cause, read, readAt);
    }
  }

  /** Some reads can't be cancelled, and enough of them block a thread pool: wait this one out. */
  #awaitStuckRead(reading: Promise<T>, read: number, readAt: number): void {
    if (!this.#host.sharedReads) return; // There it may belong to a request that is gone.
    this.#stuck = true;
    const done = (): void => {
      this.#stuck = false;
    };
    reading.then((value) => {
      done();
      this.#succeed(value, read, readAt);
    }, done);
  }

  #succeed(value: T, read: number, readAt: number): T {
    const { clock } = this.#host;
    const previous = this.#good;
    // An older read that ends late never replaces a newer one.
    if (previous !== undefined && previous.read > read) return previous.value;

    const same = previous !== undefined && this.#definition.isSame(previous.value, value);
    const checkedAt = clock.wallNow();
    const good: Good<T> = same
      ? { ...previous, checkedAt, readAt, read }
      : { value, loadedAt: checkedAt, checkedAt, readAt, read };
    this.#good = good;
    this.#error = undefined;
    this.#failures = 0;
    this.#staleReported = false;
    this.#dueAt = readAt + this.#intervalMs;
    const expiresAt = this.#definition.expiresAt?.(good.value);
    if (expiresAt !== undefined) {
      const expiresInMs = Math.max(expiresAt - checkedAt, EXPIRED_RECHECK_MS);
      this.#dueAt = Math.min(this.#dueAt, clock.now() + expiresInMs);
    }
    if (same) this.#emit(this.#definition.unchanged?.(good.value));
    else if (previous !== undefined) this.#emit(this.#definition.changed(value, previous.value));
    return good.value;
  }

  #fail(cause: unknown, read: number, readAt: number): T {
    const { kind, source, what } = this.#definition;
    const reason = cause instanceof SourceError ? cause.reason : "unreadable";
    const message = messageOf(cause);
    // A ConfigError says by itself what it is about.
    const about = cause instanceof ConfigError ? "" : `Cannot load ${what} from ${source}: `;
    const error = new SourceError(`${about}${message}`, reason, { cause });
    const good = this.#good;
    // An older read that fails late says nothing of a newer one that was good.
    if (good !== undefined && good.read > read) return good.value;

    this.#error = error;
    this.#failures++;
    if (good === undefined) throw error;

    const backoff = Math.min(
      FIRST_BACKOFF_MS * 2 ** (this.#failures - 1),
      this.#intervalMs,
      MAX_BACKOFF_MS,
    );
    this.#dueAt = readAt + backoff;
    this.#emit({
      type: "reload-failed",
      kind,
      source,
      error,
      failures: this.#failures,
      retryInMs: backoff,
    });
    const ageMs = this.#host.clock.now() - good.readAt;
    if (this.status.stale && !this.#staleReported) {
      this.#staleReported = true;
      this.#emit({ type: "stale", kind, source, ageMs });
    }
    return good.value;
  }

  #emit(event: ReanchorEvent | undefined): void {
    if (event === undefined) return;
    for (const listener of this.#listeners) notify(listener, event);
  }
}
