/**
 * Reading an object, changing it and writing it back, again if somebody else has written it meanwhile.
 *
 * @module
 */

import { sleep } from "../abort.ts";
import { ApiError } from "../api/api-error.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import type { ObjectTarget } from "../api/object-target.ts";
import { type WriteOptions, exchange, writeCall, writeNames } from "../api/verbs.ts";
import { Backoff } from "../backoff.ts";
import { checkKnown, kindOf } from "../options.ts";
import { isMapping } from "../plain-object.ts";

/** What `update()` does with an object: changes it, or returns another one in its place. */
export type ObjectUpdate<T extends KubeObject> = (
  object: Stored<T>,
) => T | void | Promise<T | void>;

/** How often an object is read and written before a conflict is the caller's. */
const MAX_TRIES = 10;

/** Reads, changes and replaces an object, and does so again after a conflict (client-go `util/retry`). */
export async function updateObject<T extends KubeObject>(
  target: ObjectTarget<T>,
  change: ObjectUpdate<T>,
  options: WriteOptions,
): Promise<Stored<T>> {
  checkKnown("update", options, writeNames);
  if (typeof change !== "function") {
    throw new TypeError(
      `Cannot update ${target.describe()}: the change is ${kindOf(change)}; pass a function that changes the object`,
    );
  }
  const { client, path, resource } = target;
  const write = writeCall(resource, options);
  const { signal, timeoutMs, maxResponseBytes } = options;
  const backoff = new Backoff(client.clock, { firstMs: 10, lastMs: 1_000 });
  for (let tries = 1; ; tries += 1) {
    const read = { signal, timeoutMs, maxResponseBytes, method: "GET", path };
    const object = await exchange(resource, read);
    const { resourceVersion } = object.metadata;
    const changed = (await change(object)) ?? object;
    if (!isMapping(changed)) {
      throw new TypeError(
        `Cannot update ${target.describe()}: the change returned ${kindOf(changed)}; return the object, or nothing after changing it`,
      );
    }
    // Without the version that was read, it would overwrite what somebody else writes meanwhile.
    const metadata = { ...changed.metadata, resourceVersion };
    const body = resource.complete({ ...changed, metadata });
    try {
      return await exchange(resource, { ...write, method: "PUT", path, body });
    } catch (error) {
      if (!isConflict(error) || tries === MAX_TRIES) throw error;
    }
    await sleep(client.clock, backoff.next(), signal);
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409 && error.reason === "Conflict";
}
