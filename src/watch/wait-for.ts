/**
 * Waiting for an object to be as one wants it.
 *
 * @module
 */

import { callSafely, rejectPromise } from "../callback.ts";
import { cleanMessage } from "../clean-text.ts";
import { TimeoutError, WaitFailedError } from "../errors.ts";
import { checkDuration, checkKnown, timeLimit } from "../options.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import type { ObjectTarget } from "../api/object-target.ts";
import {
  type ConditionState,
  type DeletedCondition,
  type ObjectCondition,
  type WaitCondition,
  describeState,
  statusCondition,
} from "./wait-conditions.ts";
import { reflect } from "./watch.ts";

/** How long to wait for an object's end. */
export interface WaitForDeletedOptions {
  /**
   * The longest wait, in milliseconds; `Infinity` for no limit.
   *
   * @default 60_000
   */
  timeoutMs?: number | undefined;
  /** Ends the wait at once. */
  signal?: AbortSignal | undefined;
  /**
   * The `metadata.uid` of the object. Another object of the same name does not count.
   *
   * @default that of the object that exists when the wait begins
   */
  uid?: string | undefined;
}

/** How long to wait for an object, and what ends the wait early. */
export interface WaitForOptions<T extends KubeObject = KubeObject> {
  /**
   * The longest wait, in milliseconds; `Infinity` for no limit.
   *
   * @default 60_000
   */
  timeoutMs?: number | undefined;
  /** Ends the wait at once. */
  signal?: AbortSignal | undefined;
  /** Conditions that mean failure: the wait ends with a {@link WaitFailedError} once one of them is met. */
  failOn?: WaitCondition<T> | readonly WaitCondition<T>[] | undefined;
  /** Called each time that what is missing changes, with a text such as `2 of 3 replicas are updated`. */
  onProgress?: ((progress: string) => unknown) | undefined;
}

const deletionOptions = ["timeoutMs", "signal", "uid"];
const objectOptions = ["timeoutMs", "signal", "failOn", "onProgress"];

/** Waits until an object exists and meets all conditions. */
export async function waitForObject<T extends KubeObject>(
  target: ObjectTarget<T>,
  conditions: WaitCondition<T> | readonly WaitCondition<T>[],
  options: WaitForOptions<T>,
): Promise<Stored<T>> {
  checkKnown("waitFor", options, objectOptions);
  const { failOn = [], onProgress } = options;
  const goals = readConditions(conditions);
  const failures = readConditions(failOn);
  if (goals.length === 0) {
    throw new TypeError(`Cannot wait for ${target.describe()}: there is no condition`);
  }
  const goal = `to be ${goals.map((condition) => condition.name).join(" and ")}`;
  let progress: string | undefined;
  return await follow(target, { goal, ...options }, (object, fail) => {
    if (object === undefined) return { isMet: false };
    const states = goals.map((condition) => check(condition, object));
    if (states.every(({ done }) => done)) return { isMet: true, result: object };
    const failure =
      states.find((state) => state.failure !== undefined)?.failure ??
      failures.map((condition) => describeFailure(condition, object)).find((text) => text);
    if (failure !== undefined) {
      const what = `Cannot wait any longer for ${target.describe()} ${goal}`;
      throw new WaitFailedError(`${what}: ${cleanMessage(failure, 1_000)}`);
    }
    const missing = states.flatMap((state) => (state.done ? [] : (state.progress ?? [])));
    const text = missing.length === 0 ? undefined : cleanMessage(missing.join("; "), 1_000);
    if (text !== undefined && text !== progress && onProgress !== undefined) {
      callSafely(() => onProgress(text), fail);
    }
    progress = text;
    return { isMet: false, progress };
  });
}

/** Waits until an object is gone. */
export async function waitForDeletion<T extends KubeObject>(
  target: ObjectTarget<T>,
  options: WaitForDeletedOptions,
): Promise<void> {
  checkKnown("waitForDeleted", options, deletionOptions);
  let awaited = options.uid;
  await follow(target, { goal: "to be gone", ...options }, (object) => {
    awaited ??= object?.metadata.uid;
    const isMet = object === undefined || object.metadata.uid !== awaited;
    return isMet ? { isMet, result: undefined } : { isMet };
  });
}

/** Whether it is an object's end that is waited for. */
export function isDeletion(condition: object | string): condition is DeletedCondition {
  return typeof condition === "object" && "isDeletion" in condition;
}

function readConditions<T extends KubeObject>(
  given: WaitCondition<T> | readonly WaitCondition<T>[],
): ObjectCondition<T>[] {
  const conditions: readonly unknown[] = Array.isArray(given) ? given : [given];
  return conditions.map((condition) => readCondition(condition));
}

function readCondition<T extends KubeObject>(condition: unknown): ObjectCondition<T> {
  if (typeof condition === "string") return statusCondition(condition);
  if (typeof condition === "function") {
    const holds = condition as (object: Stored<T>) => boolean;
    return { name: "as it should be", check: (object) => ({ done: synchronous(holds(object)) }) };
  }
  if (isObjectCondition<T>(condition)) return condition;
  throw new TypeError(
    "Cannot wait: a condition is a text, as in Ready or Ready=False, a function, or a ready-made one of reanchor/resources; deleted stands by itself",
  );
}

function synchronous(isMet: boolean): boolean {
  rejectPromise("the condition", isMet);
  return isMet;
}

function isObjectCondition<T extends KubeObject>(value: unknown): value is ObjectCondition<T> {
  return (
    typeof value === "object" &&
    value !== null &&
    "check" in value &&
    typeof value.check === "function" &&
    "name" in value
  );
}

function check<T extends KubeObject>(
  condition: ObjectCondition<T>,
  object: Stored<T>,
): ConditionState {
  const state = condition.check(object);
  rejectPromise("the condition", state);
  return state;
}

function describeFailure<T extends KubeObject>(
  condition: ObjectCondition<T>,
  object: Stored<T>,
): string | undefined {
  const { done, progress } = check(condition, object);
  return done ? `failOn is met: ${progress ?? describeState(object)}` : undefined;
}

/** What one state of an object comes to. */
type Outcome<Result> =
  | { readonly isMet: true; readonly result: Result }
  | { readonly isMet: false; readonly progress?: string | undefined };

/** What is waited for, in words, and how long. */
interface Wait {
  readonly goal: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Shows every state of an object to a judge, `undefined` if it does not exist, until the judge is content. */
async function follow<T extends KubeObject, Result>(
  target: ObjectTarget<T>,
  { goal, signal, timeoutMs }: Wait,
  judge: (object: Stored<T> | undefined, fail: (error: unknown) => void) => Outcome<Result>,
): Promise<Result> {
  const { clock } = target.client;
  target.resource.pathOfName(target.name); // One object must be meant.
  const limitMs = checkDuration("timeoutMs", timeoutMs, timeLimit) ?? 60_000;
  const stop = new AbortController();
  let lastSeen = "the server has not said yet whether it is there";
  const cancel = Number.isFinite(limitMs)
    ? clock.setTimeout(() => {
        const waited = `Cannot wait any longer for ${target.describe()} ${goal}`;
        stop.abort(
          new TimeoutError(`${waited}: ${limitMs} ms have passed (timeoutMs); ${lastSeen}`),
        );
      }, limitMs)
    : undefined;
  try {
    let object: Stored<T> | undefined;
    let isSynced = false;
    const options = { fieldSelector: { "metadata.name": target.name }, signal };
    for await (const event of reflect(target.resource, options, stop.signal)) {
      if (event.type === "synced") isSynced = true;
      else object = event.type === "deleted" ? undefined : event.object;
      // Before that, an object that was not received yet may exist all the same.
      if (object === undefined && !isSynced) continue;
      const outcome = judge(object, (error) => stop.abort(error));
      if (outcome.isMet) return outcome.result;
      lastSeen = describeLast(object, outcome.progress);
    }
  } finally {
    cancel?.();
  }
  throw stop.signal.reason;
}

function describeLast(
  object: Stored<KubeObject> | undefined,
  progress: string | undefined,
): string {
  const state = describeState(object);
  return progress === undefined || state.includes(progress) ? state : `${state}; ${progress}`;
}
