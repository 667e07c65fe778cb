/**
 * Objects of any kinds, deleted as a set.
 *
 * @module
 */

import type { ManifestResult } from "../api/manifest-errors.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceDeleteOptions } from "../api/verbs.ts";
import type { KubeClient } from "../client/client.ts";
import { checkDuration, checkFlag, checkKnown, timeLimit } from "../options.ts";
import { deletionStagesOf } from "./install-order.ts";
import { KindFinder } from "./kind-finder.ts";
import type { ManifestObject } from "./manifest-object.ts";
import {
  type Member,
  type SetOptions,
  SetWork,
  failureOf,
  isMissing,
  isNotServed,
  readSet,
  resourceIn,
  setOptionNames,
} from "./manifest-set.ts";

/** How a set of objects is deleted. */
export interface DeleteManifestsOptions
  extends SetOptions, Pick<ResourceDeleteOptions, "gracePeriodSeconds"> {
  /**
   * What becomes of the objects that belong to a deleted one, as the pods of a Job.
   *
   * @default "Background", as for kubectl. The server's own default would leave the pods of a Job running
   */
  propagationPolicy?: ResourceDeleteOptions["propagationPolicy"];
  /**
   * The namespace of objects that name none.
   *
   * @default the client's
   */
  namespace?: string | undefined;
  /** Whether the server only says what it would do. */
  dryRun?: boolean | undefined;
  /**
   * Whether to wait until the objects no longer exist. Then what an object depends on is deleted after it has gone.
   *
   * @default true
   */
  wait?: boolean | undefined;
  /**
   * How long an object may take until it no longer exists, in milliseconds; `Infinity` for no limit.
   *
   * @default 60_000
   */
  timeoutMs?: number | undefined;
}

const optionNames: readonly string[] = [
  "namespace",
  "dryRun",
  "gracePeriodSeconds",
  "propagationPolicy",
  "wait",
  "timeoutMs",
  ...setOptionNames,
];

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * Deletes objects of any kinds, in the reverse of the order in which they are applied, and waits until they no longer
 * exist. If an object can't be deleted, those that it may depend on are left alone.
 *
 * @param kube The client. Its namespace is that of objects which name none.
 * @param objects What `readManifests()` returns, or objects that have an `apiVersion` and a `kind`.
 * @returns What has become of each object, in the order of `objects`: `deleted`, or `missing` if it did not exist.
 * @throws {ManifestsFailedError} if some objects failed. It has the result of every object.
 * @throws {TypeError} if an object can't be used, before anything is sent.
 *
 * @example
 * ```ts
 * import type { KubeClient } from "@reanchor/reanchor";
 * import { deleteManifests, readManifests } from "@reanchor/reanchor/manifests";
 *
 * async function remove(kube: KubeClient, text: string): Promise<void> {
 *   await deleteManifests(kube, readManifests(text), { timeoutMs: 300_000 });
 * }
 * console.assert(typeof remove === "function");
 * ```
 */
export async function deleteManifests(
  kube: KubeClient,
  objects: Iterable<KubeObject | ManifestObject>,
  options: DeleteManifestsOptions = {},
): Promise<ManifestResult[]> {
  checkKnown("deleteManifests", options, optionNames);
  const { namespace = kube.namespace, wait, dryRun, timeoutMs } = options;
  checkFlag("wait", wait);
  checkFlag("dryRun", dryRun);
  const limitMs = checkDuration("timeoutMs", timeoutMs, timeLimit) ?? DEFAULT_TIMEOUT_MS;
  const members = readSet("delete", objects, namespace);
  const work = new SetWork(options);
  const { signal } = work;
  const kinds = new KindFinder(kube, [], signal);

  async function deleteOne(member: Member): Promise<ManifestResult> {
    const { apiVersion, kind, name, home } = member;
    const found = await kinds.find(member);
    const reference = { apiVersion, kind, namespace: member.namespace, name };
    // Objects of a kind that the server does not have can't exist.
    if (found === undefined) return { ...reference, action: "missing" };
    const { definition } = found;
    member.namespace = definition.namespaced ? home : undefined;
    reference.namespace = member.namespace;
    const resource = resourceIn(kube, definition, home);
    const { gracePeriodSeconds, propagationPolicy = "Background" } = options;
    const how = { dryRun, gracePeriodSeconds, propagationPolicy, signal };
    try {
      const answer = await resource.delete(name, how);
      // A `Status` says that it is gone; an object, that it has yet to end.
      if ("metadata" in answer && "uid" in answer.metadata && wait !== false && dryRun !== true) {
        const { uid } = answer.metadata;
        await resource.waitForDeleted(name, { uid, timeoutMs: limitMs, signal });
      }
      return { ...reference, action: "deleted" };
    } catch (error) {
      if (isMissing(error, name) || isNotServed(error)) return { ...reference, action: "missing" };
      throw error;
    }
  }

  for (const stage of deletionStagesOf(members)) {
    if (work.hasFailed) for (const member of stage) work.report(member.index, leftAlone(member));
    else await work.each(stage, deleteOne);
  }
  return work.finish("delete");
}

function leftAlone(member: Member): ManifestResult {
  const error = new Error(
    "it was left alone, since an object that may depend on it was not deleted",
  );
  return failureOf(member, error);
}
