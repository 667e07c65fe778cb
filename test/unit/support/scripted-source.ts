/**
 * The reload engine with reads that the test completes.
 *
 * @module
 */

import type { ReanchorEvent } from "../../../src/events.ts";
import { Reloader } from "../../../src/sources/reloader.ts";
import type { SourceOptions } from "../../../src/sources/source.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";

/** A read that has begun and has not ended. */
export interface PendingRead {
  readonly signal: AbortSignal;
  succeed(text: string): void;
  fail(error: unknown): void;
}

/** A loaded value: an object, so that its identity can be compared. */
export interface Loaded {
  readonly text: string;
}

/** A source, and a record of what it has done. */
export interface ScriptedSource {
  readonly clock: ManualClock;
  readonly source: Reloader<Loaded>;
  /** Every read that has begun. */
  readonly reads: PendingRead[];
  readonly events: ReanchorEvent[];
  /** The immediate result of each read; `undefined` leaves it pending. */
  content: string | Error | undefined;
  /** When a value expires, in milliseconds since the epoch. */
  expiresAt: number | undefined;
}

/** The options of {@linkcode createScriptedSource}. */
export interface ScriptedSourceOptions extends SourceOptions {
  /** @default true */
  readonly sharedReads?: boolean;
}

/** Creates the source. */
export function createScriptedSource(options: ScriptedSourceOptions = {}): ScriptedSource {
  const { sharedReads = true, ...sourceOptions } = options;
  const clock = new ManualClock();
  const reads: PendingRead[] = [];
  const events: ReanchorEvent[] = [];

  function read(signal: AbortSignal): Promise<Loaded> {
    return new Promise<Loaded>((resolve, reject) => {
      const succeed = (text: string): void => resolve({ text });
      reads.push({ signal, succeed, fail: reject });
      const { content } = scripted;
      if (content instanceof Error) reject(content);
      else if (content !== undefined) succeed(content);
    });
  }

  const source = new Reloader<Loaded>(
    {
      kind: "ca",
      what: "CA bundle",
      source: "script",
      read,
      isSame: (a, b) => a.text === b.text,
      expiresAt: () => scripted.expiresAt,
      changed: (next, previous) => ({
        type: "ca-reloaded",
        source: "script",
        fingerprint: next.text,
        previousFingerprint: previous.text,
        added: [],
        removed: [],
      }),
      unchanged: ({ text }) => ({ type: "ca-unchanged", source: "script", fingerprint: text }),
    },
    { clock, sharedReads },
    sourceOptions,
  );
  source.subscribe((event) => events.push(event));
  const scripted: ScriptedSource = {
    clock,
    source,
    reads,
    events,
    content: "first",
    expiresAt: undefined,
  };
  return scripted;
}

/** Lets every promise settle that can. */
export async function settle(clock: ManualClock): Promise<void> {
  await clock.advance(0);
}

/** Whether a promise has settled, and how. */
export function watch<T>(promise: Promise<T>): { value?: T; error?: unknown; settled: boolean } {
  const seen: { value?: T; error?: unknown; settled: boolean } = { settled: false };
  promise.then(
    (value) => Object.assign(seen, { value, settled: true }),
    (error: unknown) => Object.assign(seen, { error, settled: true }),
  );
  return seen;
}
