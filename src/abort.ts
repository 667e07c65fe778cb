/**
 * Waiting that an `AbortSignal` ends at once.
 *
 * @module
 */

import type { Clock } from "./runtime.ts";

/**
 * Waits for a promise or for a signal, whichever is first. The promise itself continues.
 *
 * @throws The signal's reason, if it was aborted first.
 */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    promise.then(
      (value) => {
        signal.removeEventListener("abort", onAbort);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", onAbort);
        reject(error);
      },
    );
  });
}

/**
 * Waits for a time. Its timer ends with it.
 *
 * @throws The signal's reason, as soon as it is aborted.
 */
export function sleep(
  clock: Pick<Clock, "setTimeout">,
  delayMs: number,
  signal?: AbortSignal,
): Promise<void> {
  let cancel = (): void => {};
  const elapsed = new Promise<void>((resolve) => {
    cancel = clock.setTimeout(resolve, delayMs);
  });
  return orAborted(elapsed, signal).finally(cancel);
}
