/**
 * The rejection of a promise.
 *
 * @module
 */

/** Returns the reason of a promise's rejection. Fails if the promise is fulfilled. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const [outcome] = await Promise.allSettled([promise]);
  if (outcome.status === "rejected") return outcome.reason;
  throw new Error("Cannot find a rejection: the promise was fulfilled");
}
