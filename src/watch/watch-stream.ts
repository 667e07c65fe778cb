/**
 * The events of one watch, as its response's body brings them.
 *
 * @module
 */

import { cleanCause } from "../clean-cause.ts";
import { ConnectionError } from "../errors.ts";
import type { Clock } from "../runtime.ts";
import { type Status, ApiError } from "../api/api-error.ts";
import { LineSplitter } from "../api/lines.ts";
import { isNamed } from "../api/list.ts";
import type { KubeObject, Stored } from "../api/object.ts";

/** More than any object can have: etcd takes 1.5 MB. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** What a line of a watch says. */
export interface RawWatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: Stored<KubeObject>;
}

/** A line of a watch is not what one must be. */
export class BadLineError extends ConnectionError {}

/** Nothing was heard for too long. */
export class SilenceError extends ConnectionError {}

/** How a watch is read. */
export interface ReadWatchOptions {
  /** The request's path, for messages. */
  readonly path: string;
  readonly clock: Clock;
  /** Ends the request. */
  readonly stop: AbortController;
  /** Aborted where that or its caller has ended it. */
  readonly ending: AbortSignal;
  /** How long it may be silent at this moment, in milliseconds. */
  silenceMs(): number;
  /** Called with the time that was waited for each piece, in milliseconds. */
  waited(ms: number): void;
  /** Called with each event. A promise that it returns is waited for. */
  onEvent(event: RawWatchEvent): Promise<void> | undefined;
  /** Waited for before the next piece is read, so that a slow reader slows the server down. */
  usedUp(): Promise<void> | undefined;
}

/**
 * Reads a watch to its end. All events of a piece are emitted in one go: a turn of its own for each would cost as
 * much as the rest of its work.
 *
 * @throws {ApiError} if the server ends it with an error, as 410.
 * @throws {ConnectionError} if it breaks off, is silent, or has a line that is no event.
 */
export async function readWatch(
  body: ReadableStream<Uint8Array>,
  options: ReadWatchOptions,
): Promise<void> {
  const { path } = options;
  const reader = new TimedReader(body, options);
  const lines = new LineSplitter(MAX_LINE_BYTES);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const line of split(lines, value, path)) {
        if (line === "") continue;
        const pending = options.onEvent(parseEvent(line, path));
        if (pending !== undefined) await pending;
      }
      const pending = options.usedUp();
      if (pending !== undefined) await pending;
    }
  } finally {
    // Where the reader has left, or the rest makes no sense.
    options.stop.abort();
    reader.close();
  }
  if (lines.rest() !== "")
    throw new ConnectionError(`Cannot watch ${path}: it broke off in a line`);
}

function split(lines: LineSplitter, piece: Uint8Array, path: string): string[] {
  try {
    return lines.push(piece);
  } catch {
    throw new BadLineError(`Cannot watch ${path}: a line is longer than ${MAX_LINE_BYTES} bytes`);
  }
}

/** Reads a body piece by piece, each in time: by one timer and one listener for all of them. */
class TimedReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #options: ReadWatchOptions;
  /** Fails the read that is under way. */
  #reject: ((reason: unknown) => void) | undefined;
  /** When that has taken too long, and after how many milliseconds. */
  #dueAt = 0;
  #limitMs = 0;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Infinity;

  constructor(body: ReadableStream<Uint8Array>, options: ReadWatchOptions) {
    this.#reader = body.getReader();
    this.#options = options;
    options.ending.addEventListener("abort", this.#onEnding);
  }

  async read(): Promise<ReadableStreamReadResult<Uint8Array>> {
    const { path, clock, ending, silenceMs, waited } = this.#options;
    this.#limitMs = silenceMs();
    const since = clock.now();
    this.#dueAt = since + this.#limitMs;
    // One that is set for earlier looks again when it fires.
    if (this.#timerAt > this.#dueAt) this.#setTimer(this.#limitMs);
    try {
      return await new Promise((resolve, reject) => {
        this.#reject = reject;
        if (ending.aborted) this.#onEnding();
        this.#reader.read().then(resolve, reject);
      });
    } catch (cause) {
      if (cause instanceof SilenceError) throw cause;
      throw new ConnectionError(`Cannot watch ${path}: the connection was lost`, {
        cause: cleanCause(cause),
      });
    } finally {
      this.#reject = undefined;
      waited(clock.now() - since);
    }
  }

  close(): void {
    this.#cancelTimer?.();
    this.#options.ending.removeEventListener("abort", this.#onEnding);
    this.#reader.cancel().catch(() => {});
  }

  readonly #onEnding = (): void => this.#reject?.(this.#options.ending.reason);

  #setTimer(delayMs: number): void {
    const { clock } = this.#options;
    this.#cancelTimer?.();
    this.#timerAt = clock.now() + delayMs;
    this.#cancelTimer = clock.setTimeout(() => this.#onTimer(), delayMs);
  }

  #onTimer(): void {
    const { path, clock, stop } = this.#options;
    this.#cancelTimer = undefined;
    this.#timerAt = Infinity;
    if (this.#reject === undefined) return; // The next read sets another.
    const leftMs = Math.ceil(this.#dueAt - clock.now());
    if (leftMs > 0) return this.#setTimer(leftMs);
    const limit = `${this.#limitMs} ms`;
    stop.abort(new SilenceError(`Cannot watch ${path}: nothing was heard for ${limit}`));
  }
}

function parseEvent(line: string, path: string): RawWatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (cause) {
    throw new BadLineError(`Cannot watch ${path}: a line is not JSON`, {
      cause: cleanCause(cause),
    });
  }
  const { type, object } = (event ?? {}) as { type?: unknown; object?: unknown };
  if (typeof object !== "object" || object === null) {
    throw new BadLineError(`Cannot watch ${path}: a line has no object`);
  }
  if (type === "ERROR") throw refusal(object as Status, path);
  if (!isType(type)) throw new BadLineError(`Cannot watch ${path}: a line has no known type`);
  // A bookmark has no name. Computed objects of aggregated APIs have no version.
  const isBookmark = type === "BOOKMARK";
  const { metadata } = object as { metadata?: unknown };
  const named = isBookmark
    ? { metadata: { name: "", ...(metadata as object | undefined) } }
    : object;
  if (!isNamed(named)) {
    throw new BadLineError(`Cannot watch ${path}: an object has no metadata with a name`);
  }
  return { type, object: (isBookmark ? named : object) as Stored<KubeObject> };
}

function isType(type: unknown): type is RawWatchEvent["type"] {
  return type === "ADDED" || type === "MODIFIED" || type === "DELETED" || type === "BOOKMARK";
}

function refusal(status: Status, path: string): ApiError {
  return new ApiError({
    method: "WATCH",
    path,
    status: errorCode(status.code),
    body: JSON.stringify(status),
  });
}

/** The code of an error event, which a server may leave out or make up. */
function errorCode(code: unknown): number {
  return Number.isInteger(code) && Number(code) >= 400 && Number(code) <= 599 ? Number(code) : 500;
}
