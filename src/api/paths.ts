/**
 * Where in the API's URLs a resource is.
 *
 * @module
 */

import { cleanMessage } from "../clean-text.ts";
import type { ResourceDefinition } from "./resource-definition.ts";

/** All namespaces, as an option's value. */
export const ALL_NAMESPACES = "*";

/** The group and version as objects name them: `v1` in the core group, otherwise as in `apps/v1`. */
export function apiVersionOf({
  group,
  version,
}: Pick<ResourceDefinition, "group" | "version">): string {
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

/**
 * One segment of a path. The API server decodes a path before it routes it, so an encoded slash would lead to
 * another resource (client-go `rest.IsValidPathSegmentName`).
 *
 * @param what What it is, for the message.
 * @throws {TypeError} if the text can't be one segment.
 */
export function segment(what: string, text: string | undefined): string {
  const problem = segmentProblem(text);
  if (problem === undefined) return encodeURIComponent(text as string);
  throw new TypeError(`Cannot use ${what} ${shown(text)}: ${problem}`);
}

function segmentProblem(text: unknown): string | undefined {
  if (typeof text !== "string") return "it is not a string";
  if (text === "") return "it is empty";
  if (text === "." || text === "..") return "it would lead to another path";
  if (/[/%]/.test(text)) return "it must not contain / or %";
  if (/[\p{Cc}\p{Cs}]/u.test(text)) return "it contains a control character or half a character";
  return undefined;
}

/** A wrong value in a message. */
function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(cleanMessage(value, 100)) : String(value);
}

/**
 * Checks the names of a kind, which may come from anywhere.
 *
 * @throws {TypeError} if one can't be part of a path.
 */
export function checkDefinition({
  group,
  version,
  plural,
  subresources,
}: ResourceDefinition): void {
  if (group !== "") segment("group", group);
  segment("version", version);
  segment("plural", plural);
  for (const subresource of subresources) segment("subresource", subresource);
}
