/**
 * The other outcome of a promise.
 *
 * @module
 */

/** What a promise is rejected with; fails where it is not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const [outcome] = await Promise.allSettled([promise]);
  if (outcome.status === "rejected") return outcome.reason;
  throw new Error("Cannot find a rejection: the promise was fulfilled");
}
