/**
 * Writes as the API server carries them out: which fields it sets, keeps and rejects.
 *
 * @module
 */

import { apiVersionOf } from "../../api/paths.ts";
import { isEqual } from "../../is-equal.ts";
import { entriesAfterUpdate, type Writing } from "./field-managers.ts";
import { isCustom, type KindDefinition, subresourcesOf } from "./served-kinds.ts";
import { type Model, timestamp } from "./model.ts";
import { type ApiObject, type Metadata, type StoredObject, valueAt } from "./objects.ts";
import {
  type Cause,
  alreadyExists,
  badRequest,
  conflict,
  invalid,
  notFound,
  Refusal,
} from "./refusal.ts";
import { type ObjectTarget, type Target, keyOf } from "./request-target.ts";

/** How a write is made. */
export interface WriteOptions {
  readonly manager: string;
  readonly dryRun: boolean;
  /** Whether the object that is written already has the right `managedFields`, as an applied one does. */
  readonly isApplied?: boolean;
}

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH = 5;

/** Creates an object. */
export function create(
  model: Model,
  { kind, namespace }: Pick<Target, "kind" | "namespace">,
  body: ApiObject,
  options: WriteOptions,
): StoredObject {
  checkType(kind, body);
  checkNamespace(body, namespace);
  checkNamespaceExists(model, namespace);
  const metadata = nameOf(model, kind, body.metadata ?? {});
  const key = keyOf(namespace, metadata.name);
  if (metadata.resourceVersion !== undefined) {
    throw new Refusal(500, "", "resourceVersion should not be set on objects to be created");
  }
  const existing = model.store.get(kind, key);
  if (existing !== undefined) throw alreadyExists(kind, existing);
  checkFinalizers(kind, metadata.name, metadata.finalizers);
  const object: ApiObject & { metadata: Metadata } = {
    ...body,
    metadata: { ...metadata, ...freshMetadata(model, namespace, body) },
  };
  if (subresourcesOf(kind).includes("status")) {
    delete object["status"];
    if (!isCustom(kind))
      object["status"] = kind.kind === "Pod" ? { phase: "Pending", qosClass: "BestEffort" } : {};
  }
  if (options.isApplied !== true) {
    const writing = writingOf(model, kind, options.manager);
    object.metadata.managedFields = entriesAfterUpdate(undefined, object, writing);
  }
  const whole = withoutEmpty(kind, object);
  if (options.dryRun) return asAnswered(kind, whole);
  return model.store.set(kind, key, whole);
}

/**
 * Changes an object.
 *
 * @param change returns the new object, given a copy of the old one
 * @param subresource `status` and `approval` change only the status; others leave the status as it is
 */
export function update(
  model: Model,
  target: Pick<ObjectTarget, "kind" | "namespace" | "name" | "subresource">,
  change: (current: StoredObject) => ApiObject,
  options: WriteOptions,
): StoredObject {
  const { kind, namespace, name, subresource } = target;
  const key = keyOf(namespace, name);
  const current = model.store.get(kind, key);
  if (current === undefined) throw notFound(kind, name);
  const proposed = change(structuredClone(current));
  checkType(kind, proposed);
  checkNamespace(proposed, namespace);
  checkUpdate(target, current, proposed);
  const next = withoutEmpty(kind, merged(kind, current, proposed, subresource));
  checkNewFinalizers(kind, current, next);
  const writing = writingOf(model, kind, options.manager, subresource);
  const isTracked = current.metadata.managedFields !== undefined;
  const updated = isTracked ? entriesAfterUpdate(current, next, writing) : [];
  const applied = proposed.metadata?.managedFields ?? [];
  const managedFields = options.isApplied === true ? applied : updated;
  if (managedFields.length > 0) next.metadata.managedFields = managedFields;
  else delete next.metadata.managedFields;
  // A write that changes nothing is not a write.
  if (isEqual(next, withoutEmpty(kind, current))) return current;
  if (hasSpecChanged(current, next)) {
    next.metadata.generation = (current.metadata.generation ?? 0) + 1;
  }
  if (options.dryRun) return next;
  if (isLastFinalizer(next)) {
    model.store.delete(kind, key);
    return next;
  }
  return model.store.set(kind, key, next);
}

/** The writer, and the time of the write. */
export function writingOf(
  model: Model,
  kind: KindDefinition,
  manager: string,
  subresource?: string,
): Writing {
  return {
    manager,
    apiVersion: apiVersionOf(kind),
    time: timestamp(model.clock.wallNow()),
    subresource,
  };
}

/** Sets the fields that the server sets on a new object. */
export function freshMetadata(
  model: Model,
  namespace: string | undefined,
  body: ApiObject,
): Metadata {
  const number = String(model.store.nextNumber()).padStart(12, "0");
  return {
    ...(namespace === undefined ? {} : { namespace }),
    uid: `00000000-0000-4000-8000-${number}`,
    creationTimestamp: timestamp(model.clock.wallNow()),
    ...(body["spec"] === undefined ? {} : { generation: 1 }),
  };
}

function nameOf(
  model: Model,
  kind: KindDefinition,
  metadata: Metadata,
): Metadata & { name: string } {
  const { generateName = "" } = metadata;
  const name = metadata.name ?? (generateName === "" ? "" : `${generateName}${nameSuffix(model)}`);
  if (name === "") {
    const message = "Required value: name or generateName is required";
    throw invalid(kind, "", [{ reason: "FieldValueRequired", message, field: "metadata.name" }]);
  }
  if (!NAME.test(name)) {
    const message = `Invalid value: ${JSON.stringify(name)}: ${NAME_RULE}`;
    throw invalid(kind, name, [{ reason: "FieldValueInvalid", message, field: "metadata.name" }]);
  }
  return { ...metadata, name };
}

function nameSuffix({ store }: Model): string {
  let rest = store.nextNumber() * 1_000_003;
  let suffix = "";
  while (suffix.length < SUFFIX_LENGTH) {
    suffix += SUFFIX_LETTERS[rest % SUFFIX_LETTERS.length];
    rest = Math.floor(rest / SUFFIX_LETTERS.length);
  }
  return suffix;
}

function checkType(kind: KindDefinition, body: ApiObject): void {
  const expected = apiVersionOf(kind);
  if (isCustom(kind)) {
    checkCustomType(kind, body);
    return;
  }
  const { apiVersion = expected, kind: name = kind.kind } = body;
  if (apiVersion === expected && name === kind.kind) return;
  const version = JSON.stringify(apiVersion.split("/").at(-1));
  throw badRequest(`${name} in version ${version} cannot be handled as a ${kind.kind}`);
}

/** A custom object always includes its kind and apiVersion. */
function checkCustomType(kind: KindDefinition, body: ApiObject): void {
  const missing = body.kind === undefined ? "Kind" : "apiVersion";
  if (body.kind === undefined || body.apiVersion === undefined) {
    const text = JSON.stringify(body);
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): Object '${missing}' is missing in '${text}' (${text})`,
    );
  }
  const wrong: Cause[] = [];
  const check = (field: "kind" | "apiVersion", expected: string): void => {
    const found = body[field];
    if (found === expected) return;
    const message = `Invalid value: ${JSON.stringify(found)}: must be ${expected}`;
    wrong.push({ reason: "FieldValueInvalid", message, field });
  };
  check("kind", kind.kind);
  check("apiVersion", apiVersionOf(kind));
  if (wrong.length > 0) {
    throw invalid({ group: kind.group, kind: body.kind }, body.metadata?.name ?? "", wrong);
  }
}

const STANDARD_FINALIZERS = new Set(["foregroundDeletion", "orphan", "kubernetes"]);

function checkFinalizers(
  kind: KindDefinition,
  name: string,
  finalizers: readonly string[] = [],
): void {
  const causes = finalizers.flatMap((finalizer, index) => {
    if (finalizer.includes("/") || STANDARD_FINALIZERS.has(finalizer)) return [];
    const why = "name is neither a standard finalizer name nor is it fully qualified";
    const message = `Invalid value: ${JSON.stringify(finalizer)}: ${why}`;
    return [{ reason: "FieldValueInvalid", message, field: `metadata.finalizers[${index}]` }];
  });
  if (causes.length > 0) throw invalid(kind, name, causes);
}

/** An object with a deletion timestamp can't get new finalizers. */
function checkNewFinalizers(
  kind: KindDefinition,
  current: StoredObject,
  { metadata: { name, finalizers = [] } }: StoredObject,
): void {
  checkFinalizers(kind, name, finalizers);
  if (current.metadata.deletionTimestamp === undefined) return;
  const known = new Set(current.metadata.finalizers);
  const added = finalizers.filter((finalizer) => !known.has(finalizer));
  if (added.length === 0) return;
  const found = added.map((finalizer) => JSON.stringify(finalizer)).join(", ");
  const why = "no new finalizers can be added if the object is being deleted, found new finalizers";
  const message = `Forbidden: ${why} []string{${found}}`;
  throw invalid(kind, name, [
    { reason: "FieldValueForbidden", message, field: "metadata.finalizers" },
  ]);
}

/** An object without the empty fields that Go omits. */
function withoutEmpty<T extends ApiObject>(kind: KindDefinition, object: T): T {
  const metadata = { ...object.metadata };
  for (const name of ["labels", "annotations", "finalizers", "ownerReferences", "managedFields"]) {
    if (isEmpty(metadata[name])) delete metadata[name];
  }
  const kept = { ...object, metadata };
  for (const name of isCustom(kind) ? [] : ["data", "binaryData", "stringData"]) {
    if (isEmpty(kept[name])) delete kept[name as keyof T];
  }
  return kept;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function checkNamespaceExists(model: Model, namespace: string | undefined): void {
  if (!model.checksNamespaces || namespace === undefined) return;
  const kind = model.kinds.find(({ group, plural }) => group === "" && plural === "namespaces");
  if (kind === undefined || model.store.get(kind, namespace) !== undefined) return;
  throw notFound(kind, namespace);
}

function checkNamespace({ metadata }: ApiObject, namespace: string | undefined): void {
  if (metadata?.namespace === undefined || metadata.namespace === namespace) return;
  throw badRequest(
    "the namespace of the provided object does not match the namespace sent on the request",
  );
}

function checkUpdate(
  { kind, name }: Pick<ObjectTarget, "kind" | "name">,
  current: StoredObject,
  { metadata = {} }: ApiObject,
): void {
  if (metadata.name !== undefined && metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  if (metadata.uid !== undefined && metadata.uid !== current.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${current.metadata.uid}`;
    const place = `Key: /registry/${kind.plural}/${keyOf(current.metadata.namespace, name)}`;
    const error = `StorageError: invalid object, Code: 4, ${place}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`;
    throw conflict(kind, name, error);
  }
  const { resourceVersion = "" } = metadata;
  if (resourceVersion === "" && isCustom(kind)) {
    const message = "Invalid value: 0: must be specified for an update";
    const field = "metadata.resourceVersion";
    // In this message the server names the resource. In others it names the kind.
    const named = { ...kind, kind: kind.plural };
    throw invalid(named, name, [{ reason: "FieldValueInvalid", message, field }]);
  }
  if (!/^\d*$/.test(resourceVersion)) {
    throw new Refusal(500, "", `strconv.ParseUint: parsing "${resourceVersion}": invalid syntax`);
  }
  if (resourceVersion !== "" && resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(kind, name);
  }
}

/** The new object, with the fields that the server keeps from the old one. */
function merged(
  kind: KindDefinition,
  current: StoredObject,
  proposed: ApiObject,
  subresource: string | undefined,
): StoredObject {
  const kept: Metadata = { name: current.metadata.name };
  const proposedMetadata = { ...proposed.metadata };
  for (const name of [
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "generateName",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "resourceVersion",
    "managedFields",
  ]) {
    delete proposedMetadata[name];
    if (current.metadata[name] !== undefined) kept[name] = current.metadata[name];
  }
  if (subresource === "status") {
    return structuredClone({ ...current, status: proposed["status"] ?? {} });
  }
  if (subresource === "approval") {
    const conditions = valueAt(proposed, ["status", "conditions"]);
    const before = current["status"] as object | undefined;
    return structuredClone({ ...current, status: { ...before, conditions } });
  }
  const next: ApiObject = { ...proposed, metadata: { ...proposedMetadata, ...kept } };
  if (subresourcesOf(kind).includes("status")) {
    if (current["status"] === undefined) delete next["status"];
    else next["status"] = current["status"];
  }
  return asAnswered(kind, next);
}

function asAnswered(kind: KindDefinition, object: ApiObject): StoredObject {
  return { ...object, kind: kind.kind, apiVersion: apiVersionOf(kind) } as StoredObject;
}

function hasSpecChanged(before: ApiObject, after: ApiObject): boolean {
  return !isEqual(before["spec"], after["spec"]);
}

/**
 * Whether this write completes a deletion: the object has a deletion timestamp, and nothing delays it any
 * more.
 */
function isLastFinalizer({ metadata }: StoredObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers = [] } = metadata;
  return (
    deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0
  );
}
