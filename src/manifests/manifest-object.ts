/**
 * The objects of manifests: of any kind, and each says which.
 *
 * @module
 */

import type { KubeObject } from "../api/object.ts";
import { kindOf } from "../options.ts";
import { isMapping } from "../plain-object.ts";

/** An object of any kind. */
export interface ManifestObject extends KubeObject {
  /** Its group and version, as in `apps/v1`. */
  apiVersion: string;
  /** Its kind, as in `Deployment`. */
  kind: string;
  /** Its other fields. */
  [field: string]: unknown;
}

/** An object, and where it is in what was passed. */
export interface PlacedObject {
  readonly object: unknown;
  readonly path: readonly PropertyKey[];
}

/** An object, or the objects of a list. Those of a list such as `ConfigMapList` need not say their kind. */
export function flattenLists(object: unknown, path: readonly PropertyKey[] = []): PlacedObject[] {
  if (!isMapping(object) || !isList(object)) return [{ object, path }];
  const { apiVersion, kind, items } = object;
  const itemKind = kind.slice(0, -"List".length);
  return (items ?? []).flatMap((item, index) => {
    const whole =
      itemKind !== "" && isMapping(item) ? { apiVersion, kind: itemKind, ...item } : item;
    return flattenLists(whole, [...path, "items", index]);
  });
}

interface List {
  readonly apiVersion: unknown;
  readonly kind: string;
  readonly items: readonly unknown[] | null;
}

function isList(
  object: Readonly<Record<string, unknown>>,
): object is Readonly<Record<string, unknown>> & List {
  const { kind, items } = object;
  const hasItems = Array.isArray(items) || (items === null && kind === "List");
  return typeof kind === "string" && kind.endsWith("List") && hasItems;
}

/** The group of an `apiVersion`; empty for the core group. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? (apiVersion.split("/", 1)[0] ?? "") : "";
}

/** Says what is wrong with an object that should say its kind; `undefined` if nothing is. */
export function findProblem(object: unknown): string | undefined {
  if (!isMapping(object)) return `it is ${kindOf(object)}, not an object`;
  for (const field of ["apiVersion", "kind"]) {
    const value = object[field];
    if (typeof value === "string" && value !== "") continue;
    return value === undefined || value === ""
      ? `it has no ${field}`
      : `its ${field} is not a text`;
  }
  const { metadata } = object;
  if (metadata === undefined || metadata === null || isMapping(metadata)) return undefined;
  return `its metadata is ${kindOf(metadata)}, not an object`;
}
