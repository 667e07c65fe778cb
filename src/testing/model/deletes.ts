/**
 * Deletions. Finalizers delay the deletion of an object, and the grace period that of a running pod.
 *
 * @module
 */

import type { KindDefinition } from "./served-kinds.ts";
import { type Model, timestamp } from "./model.ts";
import { checkDryRun, checkPropagationPolicy } from "./accepted-options.ts";
import { type ApiObject, isJson, type Json, type StoredObject, valueAt } from "./objects.ts";
import { conflict, notFound } from "./refusal.ts";
import { keyOf, type ObjectTarget, type Target } from "./request-target.ts";

/** The part of `DeleteOptions` that the model supports. */
export interface DeleteOptions extends ApiObject {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: readonly string[];
  /** Validated but ignored: there is no garbage collector. */
  readonly propagationPolicy?: string;
}

const DEFAULT_GRACE_SECONDS = 30;

/** The kinds whose deletion returns the object instead of a `Status`. */
const ANSWERED_WITH_OBJECT = new Set(["pods", "namespaces"]);

/** The options of a deletion, from its body and its query. The body takes precedence. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const fromQuery: Json = {};
  const grace = query.get("gracePeriodSeconds");
  if (grace !== null) fromQuery["gracePeriodSeconds"] = Number(grace);
  if (query.has("dryRun")) fromQuery["dryRun"] = query.getAll("dryRun");
  const policy = query.get("propagationPolicy");
  if (policy !== null) fromQuery["propagationPolicy"] = policy;
  const options: DeleteOptions = { ...fromQuery, ...(isJson(body) ? body : {}) };
  checkDryRun("delete", options.dryRun ?? []);
  checkPropagationPolicy(options.propagationPolicy);
  return options;
}

/**
 * Deletes an object, or sets its deletion timestamp if finalizers or a grace period delay it.
 *
 * @returns the server's response
 */
export function remove(
  model: Model,
  { kind, namespace, name }: Pick<ObjectTarget, "kind" | "namespace" | "name">,
  options: DeleteOptions,
): Json {
  const key = keyOf(namespace, name);
  const current = model.store.get(kind, key);
  if (current === undefined) throw notFound(kind, name);
  checkPreconditions(kind, current, options);
  const { metadata } = current;
  const graceSeconds = graceOf(kind, current, options);
  const isHeld = (metadata.finalizers ?? []).length > 0 || graceSeconds > 0;
  const isDry = (options.dryRun ?? []).includes("All");
  if (isHeld) {
    const marked = mark(model, current, graceSeconds);
    return isDry || marked === current ? marked : model.store.set(kind, key, marked);
  }
  const last = isDry ? current : (model.store.delete(kind, key) ?? current);
  if (!ANSWERED_WITH_OBJECT.has(kind.plural)) return success(kind, current);
  return kind.plural === "pods" ? { ...mark(model, last, 0) } : last;
}

/** Deletes the selected objects, and returns them as they were. */
export function removeAll(
  model: Model,
  { kind }: Pick<Target, "kind">,
  objects: readonly StoredObject[],
  options: DeleteOptions,
): void {
  for (const { metadata } of objects) {
    remove(model, { kind, namespace: metadata.namespace, name: metadata.name }, options);
  }
}

function checkPreconditions(
  kind: KindDefinition,
  { metadata }: StoredObject,
  { preconditions = {} }: DeleteOptions,
): void {
  const { uid = metadata.uid, resourceVersion = metadata.resourceVersion } = preconditions;
  // Here the server names the kind where it otherwise names the resource.
  const named = { ...kind, plural: kind.kind };
  if (uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;
    throw conflict(named, metadata.name, why);
  }
  if (resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
    throw conflict(named, metadata.name, why);
  }
}

/** A pod without a node, and a pod that has ended, needs no grace period. */
function graceOf(kind: KindDefinition, object: StoredObject, options: DeleteOptions): number {
  if (kind.plural !== "pods" || kind.group !== "") return 0;
  const phase = valueAt(object, ["status", "phase"]);
  if (phase === "Succeeded" || phase === "Failed") return 0;
  if (valueAt(object, ["spec", "nodeName"]) === undefined) return 0;
  const own = valueAt(object, ["spec", "terminationGracePeriodSeconds"]);
  return options.gracePeriodSeconds ?? (typeof own === "number" ? own : DEFAULT_GRACE_SECONDS);
}

function mark(model: Model, object: StoredObject, graceSeconds: number): StoredObject {
  const { metadata } = object;
  const { generation, deletionGracePeriodSeconds: before = Number.POSITIVE_INFINITY } = metadata;
  const isMarked = metadata.deletionTimestamp !== undefined;
  // A second deletion can only shorten the grace period.
  if (isMarked && graceSeconds >= before) return object;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(generation === undefined || isMarked ? {} : { generation: generation + 1 }),
      deletionTimestamp: timestamp(model.clock.wallNow() + graceSeconds * 1000),
      deletionGracePeriodSeconds: graceSeconds,
    },
  };
}

function success({ group, plural }: KindDefinition, { metadata }: StoredObject): Json {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: {
      name: metadata.name,
      ...(group === "" ? {} : { group }),
      kind: plural,
      uid: metadata.uid,
    },
  };
}
