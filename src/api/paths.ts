/**
 * Where in the API's URLs a resource is.
 *
 * @module
 */

import type { ResourceDefinition } from "./definition.ts";

/** All namespaces, as an option's value. */
export const ALL_NAMESPACES = "*";

/** The group and version as objects name them: `v1` in the core group, else as in `apps/v1`. */
export function apiVersionOf({ group, version }: ResourceDefinition): string {
  return group === "" ? version : `${group}/${version}`;
}

/**
 * The path of all objects of a kind, in a namespace or in all.
 *
 * @param namespace `undefined` for none, or all of them.
 */
export function collectionPath(
  definition: ResourceDefinition,
  namespace: string | undefined,
): string {
  const root = definition.group === "" ? "/api" : "/apis";
  const within = namespace === undefined ? "" : `/namespaces/${segment("namespace", namespace)}`;
  return `${root}/${apiVersionOf(definition)}${within}/${definition.plural}`;
}

/** A part of a path that a caller names. Empty, it would mean the collection; with dots, what is above. */
export function segment(what: string, text: string | undefined): string {
  if (typeof text !== "string" || text === "" || text === "." || text === "..") {
    throw new TypeError(`Cannot use ${what} ${JSON.stringify(text)}: it names nothing`);
  }
  return encodeURIComponent(text);
}
