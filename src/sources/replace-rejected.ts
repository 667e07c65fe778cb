/**
 * What a source gives once a server has rejected the value that it gave before.
 *
 * @module
 */

import type { Source } from "./source.ts";

/** A value that was rejected. */
export interface RejectedValue<T> {
  readonly used: T | undefined;
  /** When the request began that was rejected, by the monotonic clock. */
  readonly beganAt: number;
  readonly signal: AbortSignal | undefined;
}

/** Gives another value if the source has one already; reads it again if not. */
export async function replaceRejected<T>(
  source: Source<T>,
  { used, beganAt, signal }: RejectedValue<T>,
): Promise<T | undefined> {
  const latest = source.peek();
  if (latest !== used) return latest;
  // What was read since the request began is as new as it gets.
  return await source.reload({ signal, since: beganAt });
}
