/**
 * The fields in which two states of an object differ.
 *
 * @module
 */

import type { KubeObject } from "../api/object.ts";
import { isMapping } from "../plain-object.ts";
import { isEqual } from "../is-equal.ts";

/** A field that differs. */
export interface FieldChange {
  /** Its path, as in `spec.containers[web].image`: items of a list are named by their `name` if all have one. */
  readonly path: string;
  /** Its value before; `undefined` if there was none. */
  readonly before: unknown;
  /** Its value after; `undefined` if there is none. */
  readonly after: unknown;
}

/** What the server keeps of its own accord. */
const bookkeeping: ReadonlySet<string> = new Set([
  "creationTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
]);

/** Stands for the values of Secrets. */
const HIDDEN = "(hidden)";

/** Finds the fields that differ, without the server's own and with the values of Secrets hidden. */
export function changesOf(before: KubeObject | undefined, after: KubeObject): FieldChange[] {
  const changes = compare("", withoutBookkeeping(before), withoutBookkeeping(after));
  return after.kind === "Secret" && after.apiVersion === "v1" ? changes.map(hideValue) : changes;
}

function withoutBookkeeping(object: KubeObject | undefined): unknown {
  if (object === undefined) return undefined;
  const metadata = Object.entries(object.metadata ?? {}).filter(([name]) => !bookkeeping.has(name));
  return { ...object, metadata: Object.fromEntries(metadata) };
}

function compare(path: string, before: unknown, after: unknown): FieldChange[] {
  if (isEqual(before, after)) return [];
  const sides = [before, after].filter((side) => side !== undefined);
  // What one side lacks is taken apart too, so that a change has one value.
  const isMap = sides.every((side) => isMapping(side) && Object.keys(side).length > 0);
  const isList = sides.every((side) => Array.isArray(side) && side.length > 0);
  if (!isMap && !isList) return [{ path, before, after }];
  const isNamed = isList && sides.every((side) => areNamed(side as unknown[]));
  const [a, b] = [before, after].map((side) => childrenOf(side, isNamed)) as [Children, Children];
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((name) => {
    const step = isList ? `[${name}]` : path === "" ? name : `.${name}`;
    return compare(`${path}${step}`, a.get(name), b.get(name));
  });
}

type Children = ReadonlyMap<string, unknown>;

/** The fields of a mapping, or the items of a list by their names or places. */
function childrenOf(value: unknown, isNamed: boolean): Children {
  if (!Array.isArray(value)) return new Map(Object.entries(value ?? {}));
  return new Map(
    value.map((item: unknown, index) => [isNamed ? String(nameOf(item)) : String(index), item]),
  );
}

/** Whether each item of a list has a name of its own. */
function areNamed(items: readonly unknown[]): boolean {
  const names = items.map(nameOf);
  return names.every((name) => typeof name === "string") && new Set(names).size === names.length;
}

function nameOf(item: unknown): unknown {
  return isMapping(item) ? item["name"] : undefined;
}

function hideValue(change: FieldChange): FieldChange {
  const isSecret = /^(?:data|stringData)\b|last-applied-configuration/.test(change.path);
  if (!isSecret) return change;
  const hide = (value: unknown): unknown => (value === undefined ? undefined : HIDDEN);
  return { path: change.path, before: hide(change.before), after: hide(change.after) };
}
