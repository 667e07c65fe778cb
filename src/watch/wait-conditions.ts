/**
 * What can be waited for: conditions of an object.
 *
 * @module
 */

import { cleanMessage } from "../clean-text.ts";
import type { KubeObject, Stored } from "../api/object.ts";

/** Whether an object meets a condition. */
export interface ConditionState {
  /** Whether it does. */
  readonly done: boolean;
  /** What is still missing, as in `2 of 3 replicas are updated`. */
  readonly progress?: string | undefined;
  /** Why the object will never meet the condition. It ends the wait with a {@link WaitFailedError}. */
  readonly failure?: string | undefined;
}

/** A condition that can say how far an object is, and that it has failed. */
export interface ObjectCondition<T extends KubeObject> {
  /** What error messages call it. */
  readonly name: string;
  /** Looks at one state of the object. It must be synchronous. */
  readonly check: (object: Stored<T>) => ConditionState;
}

/**
 * What is waited for. A text is a condition of the object's status, as in `Available` or `Ready=False`, which
 * counts only once the status is of the object's present generation. Upper and lower case are the same, as for
 * `kubectl wait`. A function returns whether the object will do.
 */
export type WaitCondition<T extends KubeObject> =
  | string
  | ((object: Stored<T>) => boolean)
  | ObjectCondition<T>;

/** The condition that an object no longer exists. */
export interface DeletedCondition {
  /** What error messages call it. */
  readonly name: "deleted";
  /** Tells it from conditions of objects that exist. */
  readonly isDeletion: true;
}

/**
 * The condition that an object no longer exists, for `waitFor()`.
 *
 * @example
 * ```ts
 * import type { KubeClient } from "@reanchor/reanchor";
 * import { Pod, deleted } from "@reanchor/reanchor/resources";
 *
 * async function remove(kube: KubeClient, name: string): Promise<void> {
 *   await kube.resource(Pod).delete(name);
 *   await kube.resource(Pod).waitFor(name, deleted, { timeoutMs: 120_000 });
 * }
 * console.assert(typeof remove === "function");
 * ```
 */
export const deleted: DeletedCondition = { name: "deleted", isDeletion: true };

/** Looks whether a condition of the status has a value; `True`, unless the text says another. */
export function statusCondition(text: string): ObjectCondition<KubeObject> {
  const [type = "", status = "True"] = text.split("=", 2);
  if (type === "" || status === "") {
    throw new TypeError(
      `Cannot wait for ${JSON.stringify(text)}: a condition is a type, as in Ready, or a type and its status, as in Ready=False`,
    );
  }
  return { name: text, check: (object) => stateOf(object, type, status) };
}

/** kubectl `pkg/cmd/wait/condition.go`. */
function stateOf(object: Stored<KubeObject>, type: string, status: string): ConditionState {
  const found = conditionsOf(object).find((condition) => isSame(condition.type, type));
  if (found === undefined) return { done: false };
  const observed = found.observedGeneration ?? observedGenerationOf(object);
  const outdated = describeOutdated(object, observed);
  if (outdated !== undefined) return { done: false, progress: outdated };
  return { done: isSame(found.status, status), progress: describeCondition(found) };
}

function isSame(value: unknown, text: string): boolean {
  return typeof value === "string" && value.toLowerCase() === text.toLowerCase();
}

/** A condition as most kinds have it (`meta/v1` `Condition`). */
export interface StatusCondition {
  readonly type?: unknown;
  readonly status?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly observedGeneration?: unknown;
}

interface Status {
  readonly phase?: unknown;
  readonly conditions?: unknown;
  readonly observedGeneration?: unknown;
}

function statusOf(object: KubeObject): Status {
  return (object as { status?: Status | null }).status ?? {};
}

/** The conditions of an object's status. */
export function conditionsOf(object: KubeObject): readonly StatusCondition[] {
  const { conditions } = statusOf(object);
  return Array.isArray(conditions)
    ? conditions.filter((one) => typeof one === "object" && one !== null)
    : [];
}

function observedGenerationOf(object: KubeObject): unknown {
  return statusOf(object).observedGeneration;
}

/** Says that a status is from before the object's latest change. */
function describeOutdated({ metadata }: Stored<KubeObject>, observed: unknown): string | undefined {
  const { generation } = metadata;
  if (typeof observed !== "number" || generation === undefined || observed >= generation) {
    return undefined;
  }
  return `its status is of generation ${observed}, and not yet of ${generation}`;
}

/** Describes an object's state in a few words. */
export function describeState(object: Stored<KubeObject> | undefined): string {
  if (object === undefined) return "it was not there";
  const { resourceVersion, deletionTimestamp, finalizers } = object.metadata;
  const { phase } = statusOf(object);
  const said = [
    typeof phase === "string" ? `phase ${phase}` : [],
    conditionsOf(object).map(describeCondition),
    describeOutdated(object, observedGenerationOf(object)) ?? [],
    deletionTimestamp === undefined
      ? []
      : `deleted, and held by ${textsOf(finalizers).join(", ") || "nobody"}`,
  ].flat();
  const state = said.length === 0 ? "there" : said.join(", ");
  return cleanMessage(`at resourceVersion ${resourceVersion} it was ${state}`, 1_000);
}

/** Describes a condition, as in `Ready=False (ContainersNotReady: ...)`. */
export function describeCondition({ type, status, reason, message }: StatusCondition): string {
  const [named, value] = [type, status].map((part) => (typeof part === "string" ? part : "?"));
  const why = textsOf([reason, message]).filter((part) => part !== "");
  return `${named}=${value}${why.length === 0 ? "" : ` (${why.join(": ")})`}`;
}

/** The texts of a list that a server sent, which may hold anything. */
function textsOf(values: unknown): string[] {
  return Array.isArray(values) ? values.filter((value) => typeof value === "string") : [];
}
