/**
 * What every source of trust or identity is: a value that is read again when it has aged.
 *
 * @module
 */

import type { EventListener, SourceKind } from "../events.ts";
import { kindOf } from "../options.ts";
import type { Capabilities, Runtime } from "../runtime.ts";

/** What a source needs of a runtime. */
export interface SourceHost extends Pick<
  Runtime,
  "checkCertificate" | "clock" | "files" | "sha256" | "unsupportedHint"
> {
  readonly capabilities: Pick<Capabilities, "sharedReads">;
}

/** How to wait for a source. */
export interface SourceWaitOptions {
  /** Ends the wait, not the read that others may be waiting for. */
  signal?: AbortSignal | undefined;
}

/** How to wait for a reload. */
export interface SourceReloadOptions extends SourceWaitOptions {
  /**
   * From when on a read may have begun to be new enough, in monotonic milliseconds (`performance.now()`):
   * of many requests that are rejected together, one then reads for all.
   *
   * @default the time of the call
   */
  since?: number | undefined;
}

/** Names of {@link SourceWaitOptions}. */
export const waitOptionNames: readonly (keyof SourceWaitOptions)[] = ["signal"];

/** Names of {@link SourceReloadOptions}. */
export const reloadOptionNames: readonly (keyof SourceReloadOptions)[] = ["since", "signal"];

/** How a source is doing. Times are in milliseconds since the epoch. */
export interface SourceStatus {
  /** What it gives. */
  readonly kind: SourceKind;
  /** Where the value comes from, as in `file /var/run/secrets/kubernetes.io/serviceaccount/ca.crt`. */
  readonly source: string;
  /** When the present value was first read; `undefined` before any was. */
  readonly loadedAt: number | undefined;
  /** When a read was last good. */
  readonly checkedAt: number | undefined;
  /** How long ago that was, in milliseconds. */
  readonly ageMs: number | undefined;
  /** How many reads have failed since. */
  readonly failures: number;
  /** The message of the last of them. */
  readonly lastError: string | undefined;
  /** Whether reads have failed for more than three intervals since the last good one. */
  readonly stale: boolean;
}

/** A value that is read again when it has aged. */
export interface Source<T> {
  /**
   * Gives the value: the cached one while it is younger than the interval, with no I/O, otherwise a fresh one.
   * Where the read fails, the last good value.
   *
   * @throws {SourceError} if no read has ever been good.
   */
  current(options?: SourceWaitOptions): Promise<T>;
  /**
   * The value, where `current()` would give it without a read; else `undefined`. It saves a request the wait;
   * a source that lacks it works as well.
   */
  fresh?(): T | undefined;
  /**
   * Reads again now, whatever the age, once the cooldown since the last read has passed. What it gives
   * was read after the call, or since the time that the caller names.
   *
   * @throws {SourceError} if no read has ever been good.
   */
  reload(options?: SourceReloadOptions): Promise<T>;
  /** The last good value, with no I/O; `undefined` before the first. */
  peek(): T | undefined;
  /** How it is doing, for a health endpoint. */
  readonly status: SourceStatus;
  /**
   * Whether the value can never change, as text that was passed in: nobody waits for another one.
   *
   * @default false
   */
  readonly isFixed?: boolean;
  /** Adds a listener for this source's events; returns what removes it. */
  subscribe(listener: EventListener): () => void;
}

/** Names of {@link SourceOptions}, to find a misspelt one. */
export const sourceOptionNames: readonly (keyof SourceOptions)[] = [
  "reloadIntervalMs",
  "cooldownMs",
  "readTimeoutMs",
];

/** The options of a source out of those of something larger. */
export function pickSourceOptions({
  reloadIntervalMs,
  cooldownMs,
  readTimeoutMs,
}: SourceOptions): SourceOptions {
  return { reloadIntervalMs, cooldownMs, readTimeoutMs };
}

/** How often a source is read. */
export interface SourceOptions {
  /**
   * How old a value may be before a use of it reads again, in milliseconds.
   *
   * @default 60_000
   */
  reloadIntervalMs?: number | undefined;
  /**
   * The least time between two reads that failures of requests ask for, in milliseconds.
   *
   * @default 100
   */
  cooldownMs?: number | undefined;
  /**
   * How long a read may take before it counts as failed, in milliseconds.
   *
   * @default 5_000
   */
  readTimeoutMs?: number | undefined;
}

/**
 * Checks that a value is a source: callers in JavaScript pass the token or the PEM text itself.
 *
 * @param makers What makes such a source.
 * @throws {TypeError} saying what it is instead; its content is not quoted.
 */
export function checkSource(name: string, value: unknown, makers: string): void {
  if (value === undefined) return;
  if (typeof value === "object" && value !== null && "current" in value) return;
  throw new TypeError(
    `Cannot use ${name}: expected a source, not ${kindOf(value)}; make one with ${makers}`,
  );
}
