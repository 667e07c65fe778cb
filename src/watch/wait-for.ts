/**
 * Waiting for an object to be as one wants it.
 *
 * @module
 */

import { rejectPromise } from "../callback.ts";
import { TimeoutError } from "../errors.ts";
import { checkDuration, checkKnown, timeLimit } from "../options.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import { reflect } from "./watch.ts";

/** How long to wait. */
export interface WaitForOptions {
  /**
   * The longest wait, in milliseconds; `Infinity` for no limit.
   *
   * @default 60_000
   */
  timeoutMs?: number | undefined;
  /** Ends the wait at once. */
  signal?: AbortSignal | undefined;
}

/** How to wait for an object's end. */
export interface WaitForDeletedOptions extends WaitForOptions {
  /** The one that is to go: another one of its name does not count. By default the one that is there now. */
  uid?: string | undefined;
}

/**
 * What is waited for: a condition of the object's status, as in `Available`, or with its value, as in
 * `Ready=False`; or a function that says whether the object will do.
 */
export type WaitCondition<T extends KubeObject> = string | ((object: Stored<T>) => boolean);

/** Waits until an object is there and as one wants it. */
export async function waitForObject<T extends KubeObject>(
  target: ResourceTarget<T>,
  name: string,
  condition: WaitCondition<T>,
  options: WaitForOptions,
): Promise<Stored<T>> {
  checkKnown("waitFor", options, ["timeoutMs", "signal"]);
  const [holds, goal] =
    typeof condition === "string"
      ? [conditionHolds(condition), `to be ${condition}`]
      : [condition, "to be as it should be"];
  return await follow(target, name, goal, options, (object) => {
    if (object === undefined) return undefined;
    const isMet = holds(object);
    rejectPromise("the condition", isMet);
    return isMet ? { result: object } : undefined;
  });
}

/** Waits until an object is gone. */
export async function waitForDeletion<T extends KubeObject>(
  target: ResourceTarget<T>,
  name: string,
  { uid, ...options }: WaitForDeletedOptions,
): Promise<void> {
  checkKnown("waitForDeleted", options, ["timeoutMs", "signal"]);
  let awaited = uid;
  await follow(target, name, "to be gone", options, (object) => {
    awaited ??= object?.metadata.uid;
    return object?.metadata.uid === awaited && object !== undefined
      ? undefined
      : { result: undefined };
  });
}

/** Shows every state of an object to a judge, `undefined` where it is not there, until that has a result. */
async function follow<T extends KubeObject, Result>(
  target: ResourceTarget<T>,
  name: string,
  goal: string,
  { signal, timeoutMs }: WaitForOptions,
  judge: (object: Stored<T> | undefined) => { result: Result } | undefined,
): Promise<Result> {
  const { clock } = target.client;
  target.pathOfName(name); // One object must be meant.
  const limitMs = checkDuration("timeoutMs", timeoutMs, 60_000, timeLimit);
  const stop = new AbortController();
  let lastSeen = "the server has not said yet whether it is there";
  const cancel = Number.isFinite(limitMs)
    ? clock.setTimeout(() => {
        const waited = `Cannot wait any longer for ${target.describe(name)} ${goal}`;
        stop.abort(
          new TimeoutError(`${waited}: ${limitMs} ms have passed (timeoutMs); ${lastSeen}`),
        );
      }, limitMs)
    : undefined;
  try {
    let object: Stored<T> | undefined;
    let isSynced = false;
    const options = { fieldSelector: { "metadata.name": name }, signal };
    for await (const event of reflect(target, options, undefined, stop.signal)) {
      if (event.type === "synced") isSynced = true;
      else object = event.type === "deleted" ? undefined : event.object;
      // Before that, an object that has not been told may be there all the same.
      if (object === undefined && !isSynced) continue;
      lastSeen = describeState(object);
      const outcome = judge(object);
      if (outcome !== undefined) return outcome.result;
    }
  } finally {
    cancel?.();
  }
  throw stop.signal.reason;
}

function conditionHolds(condition: string): (object: KubeObject) => boolean {
  const [type, status = "True"] = condition.split("=", 2);
  return (object) =>
    conditionsOf(object).some((found) => found.type === type && found.status === status);
}

interface Condition {
  readonly type?: unknown;
  readonly status?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
}

function conditionsOf(object: KubeObject): readonly Condition[] {
  const { status } = object as { status?: { conditions?: unknown } | null };
  const conditions = status?.conditions;
  return Array.isArray(conditions) ? (conditions as Condition[]) : [];
}

/** What an object was last like, in a few words. */
function describeState(object: Stored<KubeObject> | undefined): string {
  if (object === undefined) return "it was not there";
  const { resourceVersion, deletionTimestamp, finalizers = [] } = object.metadata;
  const { phase } = (object as { status?: { phase?: unknown } | null }).status ?? {};
  const said = [
    typeof phase === "string" ? `phase ${phase}` : [],
    conditionsOf(object).map(describeCondition),
    deletionTimestamp === undefined
      ? []
      : `deleted, and held by ${finalizers.join(", ") || "nobody"}`,
  ].flat();
  const state = said.length === 0 ? "there" : said.join(", ");
  return `at resourceVersion ${resourceVersion} it was ${state}`;
}

function describeCondition({ type, status, reason, message }: Condition): string {
  const why = [reason, message].filter((part) => typeof part === "string" && part !== "");
  return `${String(type)}=${String(status)}${why.length === 0 ? "" : ` (${why.join(": ")})`}`;
}
