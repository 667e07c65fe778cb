/**
 * Whether two objects of the API are the same.
 *
 * @module
 */

import { isMapping } from "./plain-object.ts";

/** Compares two values of JSON; a field that is `undefined` counts as absent. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  }
  if (!isMapping(a) || !isMapping(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isEqual(a[name], b[name]));
}
