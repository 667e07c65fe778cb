/**
 * Field ownership, and server-side apply, which depends on it. A field is a path of names to a value that is
 * not an object. Each list has one owner, as if every list were atomic.
 *
 * @module
 */

import { isEqual } from "../../is-equal.ts";
import { type ApiObject, isJson, type Json, type ManagedFields, valueAt } from "./objects.ts";
import { Refusal } from "./refusal.ts";

/** Who writes, and when. */
export interface Writing {
  readonly manager: string;
  readonly apiVersion: string;
  readonly time: string;
  readonly subresource: string | undefined;
}

type Path = readonly string[];

/** Fields that have no owner. */
const UNOWNED = new Set([
  "apiVersion",
  "kind",
  ...[
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
  ].map((name) => `metadata\0${name}`),
]);

/**
 * The `managedFields` after a write: the writer owns the fields that it changed, and all others lose them.
 */
export function entriesAfterUpdate(
  before: ApiObject | undefined,
  after: ApiObject,
  writing: Writing,
): ManagedFields[] {
  const paths = [...fieldsOf(before ?? {}), ...fieldsOf(after)];
  const changed = paths.filter((path) => !isEqual(valueAt(before, path), valueAt(after, path)));
  const entries = before?.metadata?.managedFields ?? [];
  if (changed.length === 0) return entries;
  const own = entries.find((entry) => isBy(entry, "Update", writing));
  const others = entries.filter((entry) => entry !== own);
  const kept = changed.filter((path) => valueAt(after, path) !== undefined);
  const owned = [...without(ownedBy(own), changed), ...kept];
  const entry = owned.length === 0 ? [] : [entryOf("Update", writing, owned)];
  return [...lessOwned(others, changed), ...entry];
}

/**
 * Applies a configuration.
 *
 * @param live the current object; `undefined` if it does not exist yet
 * @returns the object with its new entries
 * @throws {Refusal} if other managers own fields that it would change, and it isn't forced
 */
export function apply(
  live: ApiObject | undefined,
  config: ApiObject,
  { isForced, ...writing }: Writing & { readonly isForced: boolean },
): ApiObject {
  const before = live?.metadata?.managedFields ?? [];
  const own = before.find((entry) => isBy(entry, "Apply", writing));
  const others = before.filter((entry) => entry !== own);
  const applied = fieldsOf(config);
  const taken = applied.filter((path) => !isEqual(valueAt(live, path), valueAt(config, path)));
  const conflicts = others.flatMap((entry) =>
    ownedBy(entry)
      .filter((path) => has(taken, path))
      .map((path) => ({ entry, path })),
  );
  if (conflicts.length > 0 && !isForced) throw conflictOf(conflicts);

  const ownedByOthers = others.flatMap(ownedBy);
  const dropped = without(without(ownedBy(own), applied), ownedByOthers);
  const result = structuredClone(live ?? { metadata: { ...config.metadata } });
  for (const path of dropped) write(result, path, undefined);
  for (const path of applied) write(result, path, structuredClone(valueAt(config, path)));
  const isUnchanged = own !== undefined && isSame(ownedBy(own), applied);
  const entry = isUnchanged ? own : entryOf("Apply", writing, applied);
  // A manager that owns nothing gets no entry.
  const entries = [...lessOwned(others, taken), ...(applied.length === 0 ? [] : [entry])];
  result.metadata = { ...result.metadata, managedFields: entries };
  return result;
}

function fieldsOf(value: Json, parent: Path = []): Path[] {
  return Object.entries(value).flatMap(([name, child]) => {
    const path = [...parent, name];
    if (child === undefined || UNOWNED.has(path.join("\0"))) return [];
    return isJson(child) && Object.keys(child).length > 0 ? fieldsOf(child, path) : [path];
  });
}

function ownedBy(entry: ManagedFields | undefined): Path[] {
  return entry === undefined ? [] : readFields(entry.fieldsV1);
}

function readFields(fields: Json, parent: Path = []): Path[] {
  return Object.entries(fields).flatMap(([key, child]) => {
    if (!key.startsWith("f:")) return [];
    const path = [...parent, key.slice(2)];
    const below = isJson(child) ? readFields(child, path) : [];
    return below.length > 0 ? below : [path];
  });
}

function entryOf(
  operation: ManagedFields["operation"],
  { manager, apiVersion, time, subresource }: Writing,
  paths: readonly Path[],
): ManagedFields {
  const fieldsV1: Json = {};
  for (const path of paths) {
    write(
      fieldsV1,
      path.map((name) => `f:${name}`),
      {},
    );
  }
  return {
    manager,
    operation,
    apiVersion,
    time,
    fieldsType: "FieldsV1",
    fieldsV1,
    ...(subresource === undefined ? {} : { subresource }),
  };
}

function lessOwned(entries: readonly ManagedFields[], paths: readonly Path[]): ManagedFields[] {
  return entries.flatMap((entry) => {
    const owned = ownedBy(entry);
    const left = without(owned, paths);
    if (left.length === owned.length) return [entry];
    return left.length === 0 ? [] : [entryOf(entry.operation, withSubresource(entry), left)];
  });
}

function withSubresource(entry: ManagedFields): Writing {
  return { ...entry, subresource: entry.subresource };
}

/** Writes a value at a path and creates missing parents. `undefined` removes the value. */
function write(root: Json, path: Path, value: unknown): void {
  const names = [...path];
  const last = names.pop();
  if (last === undefined) return;
  let at = root;
  for (const name of names) {
    const child = at[name];
    const next: Json = isJson(child) ? child : {};
    at[name] = next;
    at = next;
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
}

function isBy(entry: ManagedFields, operation: string, writing: Writing): boolean {
  return (
    entry.manager === writing.manager &&
    entry.operation === operation &&
    entry.subresource === writing.subresource
  );
}

function has(paths: readonly Path[], path: Path): boolean {
  return paths.some((one) => isEqual(one, path));
}

function without(paths: readonly Path[], less: readonly Path[]): Path[] {
  return paths.filter((path) => !has(less, path));
}

function isSame(left: readonly Path[], right: readonly Path[]): boolean {
  return left.length === right.length && without(left, right).length === 0;
}

/** The wording follows apimachinery `managedfields/internal/conflict.go`. */
function conflictOf(conflicts: readonly { entry: ManagedFields; path: Path }[]): Refusal {
  const each = conflicts.map(({ entry, path }) => ({ by: nameOf(entry), field: fieldName(path) }));
  const causes = each.map(({ by, field }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${by}`,
    field,
  }));
  const [first] = each;
  if (first !== undefined && each.length === 1) {
    const message = `Apply failed with 1 conflict: conflict with ${first.by}: ${first.field}`;
    return new Refusal(409, "Conflict", message, { details: { causes } });
  }
  const managers = [...new Set(each.map(({ by }) => by))].sort();
  const lines = managers.flatMap((manager) => [
    `conflicts with ${manager}:`,
    ...each.filter(({ by }) => by === manager).map(({ field }) => `- ${field}`),
  ]);
  const message = `Apply failed with ${each.length} conflicts: ${lines.join("\n")}`;
  return new Refusal(409, "Conflict", message, { details: { causes } });
}

function nameOf({ manager, operation, apiVersion, subresource }: ManagedFields): string {
  const below = subresource === undefined ? "" : ` with subresource "${subresource}"`;
  return `"${manager}"${below}${operation === "Update" ? ` using ${apiVersion}` : ""}`;
}

function fieldName(path: Path): string {
  return path.map((name) => `.${name}`).join("");
}
