/**
 * The kinds of patches, and how each is sent.
 *
 * @module
 */

import type { CallOptions } from "./api-call.ts";
import type { KubeObject, PartOf } from "./object.ts";

/** How a patch is meant. */
export type PatchType = "merge" | "json" | "strategic" | "apply";

/**
 * A merge patch (RFC 7386): the fields that change. `null` removes a field. A list replaces the whole list.
 */
export type MergePatch<T> = KubeObject extends T ? UntypedPatch : MergePart<T>;

/** A part of a merge patch. */
export type MergePart<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [Key in keyof T]?: MergePart<T[Key]> | null | undefined }
    : T;

/**
 * A strategic merge patch: as a merge patch, but lists of objects are merged by their keys, as containers are by
 * their names. Its directives, such as `$patch`, begin with a dollar sign.
 */
export type StrategicPatch<T> = KubeObject extends T ? UntypedPatch : StrategicPart<T>;

/** A part of a strategic merge patch. */
export type StrategicPart<T> = T extends readonly (infer Item)[]
  ? StrategicPart<Item>[]
  : T extends object
    ? { [Key in keyof T]?: StrategicPart<T[Key]> | null | undefined } & {
        [directive: `$${string}`]: unknown;
      }
    : T;

/** Of a kind without a schema, only the metadata is known. */
/** A patch of an object whose type is not known. */
export type UntypedPatch = MergePart<KubeObject> & { [field: string]: unknown };

/** One operation of a JSON patch (RFC 6902). Paths are JSON pointers, as in `/spec/replicas`. */
export type JsonPatchOperation =
  | { op: "add" | "replace" | "test"; path: string; value: unknown }
  | { op: "remove"; path: string }
  | { op: "move" | "copy"; from: string; path: string };

/** A JSON patch (RFC 6902). */
export type JsonPatch = readonly JsonPatchOperation[];

/** The patch that belongs to a type of patches. */
export type PatchBody<T, Type extends PatchType> = Type extends "json"
  ? JsonPatch
  : Type extends "strategic"
    ? StrategicPatch<T>
    : Type extends "apply"
      ? PartOf<T>
      : MergePatch<T>;

/** How one patch differs from the defaults. */
export interface PatchOptions extends CallOptions {
  /**
   * `merge` (RFC 7386), `json` (RFC 6902), `strategic` (built-in kinds only), or `apply` (server-side;
   * `fieldManager` of the query, or of `connect()`, says who applies).
   *
   * @default "json" for an array, otherwise "merge"
   */
  type?: PatchType | undefined;
}

const patchTypes: Readonly<Record<PatchType, string>> = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml", // JSON is YAML.
};

/**
 * Checks a patch, and says how it is sent.
 *
 * @param type By default `json` for an array, otherwise `merge`.
 * @returns The media type.
 * @throws {TypeError} if there is no such type, or it takes another kind of patch.
 */
export function patchContentType(patch: unknown, type?: PatchType): string {
  const isList = Array.isArray(patch);
  if (typeof patch !== "object" || patch === null) {
    throw new TypeError(
      `Cannot patch: the patch is ${typeof patch === "string" ? "a string" : String(patch)}; pass an object, or an array of operations`,
    );
  }
  const used = type ?? (isList ? "json" : "merge");
  if (!Object.hasOwn(patchTypes, used)) {
    const known = Object.keys(patchTypes).join(", ");
    throw new TypeError(`Cannot use option type of patch: it is none of ${known}`);
  }
  if (isList !== (used === "json")) {
    const expected = used === "json" ? "an array of operations" : "an object";
    throw new TypeError(`Cannot patch: a patch of type ${used} is ${expected}`);
  }
  return patchTypes[used];
}
