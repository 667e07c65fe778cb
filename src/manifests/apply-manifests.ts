/**
 * Objects of any kinds, applied as a set.
 *
 * @module
 */

import type { ManifestResult } from "../api/manifest-errors.ts";
import type { KubeObject } from "../api/object.ts";
import type { KubeClient } from "../client/client.ts";
import { checkDuration, checkFieldManager, checkFlag, checkKnown, timeLimit } from "../options.ts";
import { type ApplyContext, type ApplyObjectOptions, applyObject } from "./apply-object.ts";
import {
  ApplySet,
  type ApplySetParent,
  type PrunedObject,
  readParent,
  scopeOfMembers,
} from "./apply-set.ts";
import { deletionStagesOf, stagesOf } from "./install-order.ts";
import { KindFinder } from "./kind-finder.ts";
import type { ManifestObject } from "./manifest-object.ts";
import {
  type Member,
  type SetOptions,
  SetWork,
  clientOf,
  isMissing,
  readSet,
  setOptionNames,
} from "./manifest-set.ts";

/** Which field manager applies, how, and where. */
export interface CompareOptions extends ApplyObjectOptions, SetOptions {
  /**
   * The namespace of objects that name none.
   *
   * @default the client's
   */
  namespace?: string | undefined;
}

/** How a set of objects is applied. */
export interface ApplyManifestsOptions extends CompareOptions {
  /** Whether the server only validates the objects and says what it would do. */
  dryRun?: boolean | undefined;
  /**
   * Which objects are deleted once all have been applied: those that were applied with the same ApplySet before and
   * are no longer in the set (KEP-3659). If an object fails, nothing is deleted.
   *
   * @default nothing is deleted
   */
  prune?: { applySet: ApplySetParent } | undefined;
  /**
   * How long a CustomResourceDefinition may take until the server serves its kind, in milliseconds.
   *
   * @default 60_000
   */
  timeoutMs?: number | undefined;
}

/** Names of {@link CompareOptions}. */
export const compareOptionNames: readonly string[] = [
  "fieldManager",
  "force",
  "fieldValidation",
  "namespace",
  ...setOptionNames,
];

/**
 * Applies objects of any kinds (server-side apply), in Helm's order: namespaces first, CustomResourceDefinitions
 * before their custom resources, workloads after what they use. Objects that do not depend on each other are applied
 * side by side. An object that fails does not keep the others back.
 *
 * @param kube The client. Its namespace is that of objects which name none.
 * @param objects What `readManifests()` returns, or objects that have an `apiVersion` and a `kind`. Lists are taken
 * apart.
 * @returns What has become of each object: `created`, `changed` or `unchanged`, in the order of `objects`; and after
 * them those that were `pruned`.
 * @throws {ManifestsFailedError} if some objects failed. It has the result of every object.
 * @throws {TypeError} if an object can't be used, before anything is sent.
 * @throws {ConfigError} if the ApplySet belongs to another tool.
 *
 * @example
 * ```ts
 * import type { KubeClient } from "@reanchor/reanchor";
 * import { applyManifests, readManifests } from "@reanchor/reanchor/manifests";
 *
 * async function deploy(kube: KubeClient, text: string): Promise<void> {
 *   const results = await applyManifests(kube, readManifests(text), {
 *     fieldManager: "my-program",
 *     onProgress: ({ action, kind, name }) => console.log(action, kind, name),
 *   });
 *   console.log(results.every(({ action }) => action === "unchanged"));
 * }
 * console.assert(typeof deploy === "function");
 * ```
 */
export async function applyManifests(
  kube: KubeClient,
  objects: Iterable<KubeObject | ManifestObject>,
  options: ApplyManifestsOptions = {},
): Promise<ManifestResult[]> {
  checkKnown("applyManifests", options, [...compareOptionNames, "dryRun", "prune", "timeoutMs"]);
  const verb = "apply";
  const set = prepareSet(kube, objects, options);
  const { members, work, context } = set;
  const parent = options.prune === undefined ? undefined : readParent(options.prune);
  if (parent === undefined) {
    await applyStages(set);
    return work.finish(verb);
  }
  if (members.length === 0) {
    throw new TypeError(
      "Cannot prune: no object is applied, so all of the set would be deleted; use deleteManifests() if that is meant",
    );
  }
  const { kinds, dryRun } = context;
  const applySet = await ApplySet.open(kube, parent, work.signal);
  const scope = await scopeOfMembers(kinds, members);
  if (!dryRun) await applySet.extend(scope);
  await applyStages({ ...set, context: { ...context, labels: applySet.labels } });
  const results = work.finish(verb);
  const applied = results.flatMap((result) => ("object" in result ? result.object : []) ?? []);
  const uids = new Set(applied.map(({ metadata }) => metadata.uid));
  await prune(work, await applySet.leftOver(kinds, uids), { first: members.length, dryRun });
  const all = work.finish("prune");
  if (!dryRun) await applySet.narrow(scope);
  return all;
}

/** A set, and what it is worked on with. */
export interface PreparedSet {
  readonly members: readonly Member[];
  readonly work: SetWork;
  readonly context: ApplyContext;
}

/** Reads a set and its options, before anything is sent. */
export function prepareSet(
  kube: KubeClient,
  objects: Iterable<KubeObject | ManifestObject>,
  options: CompareOptions & Pick<ApplyManifestsOptions, "dryRun" | "timeoutMs">,
): PreparedSet {
  const { namespace = kube.namespace, fieldManager, force, timeoutMs } = options;
  const dryRun = checkFlag("dryRun", options.dryRun);
  const client = clientOf(kube);
  checkFlag("force", force);
  if ((checkFieldManager(fieldManager) ?? client.fieldManager) === undefined) {
    throw new TypeError(
      "Cannot apply without a field manager: pass the program's name as option fieldManager of connect or of applyManifests",
    );
  }
  const members = readSet("apply", objects, namespace);
  const work = new SetWork(options);
  const own = members.map(({ object }) => object);
  const created = members.filter(({ apiVersion, kind }) => {
    return apiVersion === "v1" && kind === "Namespace";
  });
  const context: ApplyContext = {
    write: options,
    kube,
    clock: client.clock,
    kinds: new KindFinder(kube, own, work.signal),
    signal: work.signal,
    dryRun,
    crds: new Set(),
    timeoutMs: checkDuration("timeoutMs", timeoutMs, timeLimit) ?? DEFAULT_TIMEOUT_MS,
    namespaces: new Set(created.map(({ name }) => name)),
  };
  return { members, work, context };
}

const DEFAULT_TIMEOUT_MS = 60_000;

async function applyStages({ members, work, context }: PreparedSet): Promise<void> {
  for (const stage of stagesOf(members)) {
    await work.each(stage, async (member) => {
      const { before: _before, ...result } = await applyObject(context, member);
      return result;
    });
  }
}

/** Deletes what is no longer in a set, in the reverse order. */
async function prune(
  work: SetWork,
  objects: readonly PrunedObject[],
  { first, dryRun }: { readonly first: number; readonly dryRun: boolean },
): Promise<void> {
  const named = objects.map(({ object: { apiVersion, kind, metadata }, resource }) => {
    const { name, namespace, uid } = metadata;
    return { apiVersion, kind, namespace, name, uid, resource };
  });
  let index = first;
  for (const stage of deletionStagesOf(named)) {
    const members = stage.map((object) => ({ ...object, index: index++ }));
    await work.each(members, async ({ index: _index, uid, resource, ...reference }) => {
      const preconditions = { uid };
      const { signal } = work;
      await resource
        .delete(reference.name, { dryRun, preconditions, propagationPolicy: "Background", signal })
        .catch((error: unknown) => {
          if (!isMissing(error, reference.name)) throw error;
        });
      return { ...reference, action: "pruned" };
    });
  }
}
