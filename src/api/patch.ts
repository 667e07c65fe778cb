/**
 * The kinds of patches, and how each is sent.
 *
 * @module
 */

import type { CallOptions } from "./api-call.ts";

/** How a patch is meant. */
export type PatchType = "merge" | "json" | "strategic" | "apply";

/** How one patch differs from the defaults. */
export interface PatchOptions extends CallOptions {
  /**
   * `merge` (RFC 7386), `json` (RFC 6902), `strategic` (built-in kinds only), or `apply` (server-side;
   * put `fieldManager` into the query).
   *
   * @default "json" for an array, else "merge"
   */
  type?: PatchType | undefined;
}

const patchTypes: Readonly<Record<PatchType, string>> = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml", // JSON is YAML.
};

/** The media type of a patch. */
export function patchContentType(type: PatchType): string {
  if (Object.hasOwn(patchTypes, type)) return patchTypes[type];
  const known = Object.keys(patchTypes).join(", ");
  throw new TypeError(`Cannot use option type of patch: it is none of ${known}`);
}
