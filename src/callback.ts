/**
 * Functions that a user gave.
 *
 * @module
 */

/**
 * Calls a user's function so that its failure stays its own: neither what it throws nor what its promise
 * rejects with reaches the caller, or the runtime as an unhandled rejection.
 *
 * @param failed Called with the failure. It must not throw.
 */
export function callSafely(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call();
    // Any thenable: a promise of another realm is no instance of this one's class.
    if (isObject(result)) Promise.resolve(result).catch(failed);
  } catch (error) {
    failed(error);
  }
}

/**
 * Rejects the promise that an asynchronous function returned where only a synchronous one can be used.
 *
 * @param what What the function is for, as in `transform`.
 * @throws {TypeError} if the result is a promise.
 */
export function rejectPromise(what: string, result: unknown): void {
  if (!isObject(result) || !("then" in result) || typeof result.then !== "function") return;
  Promise.resolve(result).catch(() => {}); // Its rejection is ignored: the TypeError below is the one to report.
  throw new TypeError(`Cannot use ${what}: it returned a promise; it must be synchronous`);
}

/** What was thrown, in words: a user's function may throw anything, even what has none. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  try {
    return String(thrown);
  } catch {
    return "it threw an object that is no error";
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
