/**
 * What applying a set of objects would change.
 *
 * @module
 */

import { type ManifestObjectReference, describeReference } from "../api/manifest-errors.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import { escapeInvisible } from "../clean-text.ts";
import type { KubeClient } from "../client/client.ts";
import { checkKnown } from "../options.ts";
import { type CompareOptions, compareOptionNames, prepareSet } from "./apply-manifests.ts";
import type { ManifestObject } from "./manifest-object.ts";
import { type AppliedObject, applyObject } from "./apply-object.ts";
import { stagesOf } from "./install-order.ts";
import { type FieldChange, changesOf } from "./field-changes.ts";

/** What applying an object would change. */
export interface ManifestDiff extends ManifestObjectReference {
  /** Whether the object would be created, changed, or neither. */
  readonly action: "changed" | "created" | "unchanged";
  /** The fields that would change. Values of Secrets are hidden. */
  readonly changes: readonly FieldChange[];
  /** The object as it is; `undefined` if it does not exist. */
  readonly before: Stored<KubeObject> | undefined;
  /** The object as it would be; `undefined` if the server has not validated it. */
  readonly after: Stored<KubeObject> | undefined;
  /** Why the server has not validated the object: its namespace or its kind would be created by the same set. */
  readonly unchecked?: string | undefined;
}

/**
 * Finds out what applying a set of objects would change, by a dry run: with the server's defaults and validation, and
 * nothing is written.
 *
 * @param kube The client. Its namespace is that of objects which name none.
 * @param objects What `readManifests()` returns, or objects that have an `apiVersion` and a `kind`.
 * @returns A difference for each object, in the order of `objects`. `formatDiff()` makes a text of them.
 * @throws {ManifestsFailedError} if some objects would fail. It has the result of every object.
 * @throws {TypeError} if an object can't be used, before anything is sent.
 *
 * @example
 * ```ts
 * import type { KubeClient } from "@reanchor/reanchor";
 * import { diffManifests, formatDiff, readManifests } from "@reanchor/reanchor/manifests";
 *
 * async function show(kube: KubeClient, text: string): Promise<void> {
 *   console.log(formatDiff(await diffManifests(kube, readManifests(text))));
 * }
 * console.assert(typeof show === "function");
 * ```
 */
export async function diffManifests(
  kube: KubeClient,
  objects: Iterable<KubeObject | ManifestObject>,
  options: CompareOptions = {},
): Promise<ManifestDiff[]> {
  checkKnown("diffManifests", options, compareOptionNames);
  const { members, work, context } = prepareSet(kube, objects, { ...options, dryRun: true });
  const diffs: ManifestDiff[] = [];
  for (const stage of stagesOf(members)) {
    await work.each(stage, async (member) => {
      const { before, ...result } = await applyObject(context, member);
      diffs[member.index] = diffOf(result, before, member.object);
      return result;
    });
  }
  work.finish("compare");
  return diffs;
}

function diffOf(
  {
    apiVersion,
    kind,
    namespace,
    name,
    action,
    object: after,
    unchecked,
  }: Omit<AppliedObject, "before">,
  before: Stored<KubeObject> | undefined,
  given: KubeObject,
): ManifestDiff {
  const changes = changesOf(before, after ?? given);
  const said = unchecked === undefined ? {} : { unchecked };
  return { apiVersion, kind, namespace, name, action, changes, before, after, ...said };
}

/**
 * Makes a text of differences, for a person: a line for each object that would be created or changed, and under it a
 * line for each field.
 *
 * @param diffs What `diffManifests()` returns.
 * @returns The text; empty if nothing would change.
 *
 * @example
 * ```ts
 * import { formatDiff } from "@reanchor/reanchor/manifests";
 *
 * const text = formatDiff([
 *   {
 *     action: "changed",
 *     apiVersion: "v1",
 *     kind: "ConfigMap",
 *     namespace: "shop",
 *     name: "settings",
 *     changes: [{ path: "data.colour", before: "blue", after: "green" }],
 *     before: undefined,
 *     after: undefined,
 *   },
 * ]);
 * console.log(text);
 * // ~ ConfigMap shop/settings
 * //     data.colour: "blue" -> "green"
 * ```
 */
export function formatDiff(diffs: readonly ManifestDiff[]): string {
  return diffs
    .filter(({ action }) => action !== "unchanged")
    .map((diff) => {
      const sign = diff.action === "created" ? "+" : "~";
      const note = diff.unchecked === undefined ? "" : ` (not validated: ${diff.unchecked})`;
      const lines = diff.changes.map((change) => `    ${escapeInvisible(formatChange(change))}\n`);
      return `${sign} ${describeReference(diff)}${note}\n${lines.join("")}`;
    })
    .join("");
}

function formatChange({ path, before, after }: FieldChange): string {
  if (before === undefined) return `${path}: ${JSON.stringify(after)}`;
  if (after === undefined) return `${path}: ${JSON.stringify(before)} -> (removed)`;
  return `${path}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`;
}
