/**
 * Restarting a workload's rollout, waiting for it, and returning to an earlier revision. The rules are those of kubectl's
 * `pkg/polymorphichelpers`: `objectrestarter.go` and `rollback.go`.
 *
 * @module
 */

import type { ResourceCall, ResourceClient } from "../api/api-call.ts";
import { listPages } from "../api/list.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import type { ObjectTarget } from "../api/object-target.ts";
import { ResourceTarget } from "../api/resource-target.ts";
import { type LabelSelectorObject, selectorQuery } from "../api/selectors.ts";
import { type WriteOptions, exchange, writeCall } from "../api/verbs.ts";
import { RolloutError } from "../api/rollout-error.ts";
import type { ControllerRevision, ReplicaSet } from "./generated/apps-v1.ts";
import type { PodTemplateSpec } from "./generated/core-v1.ts";
import type { ObjectCondition } from "../watch/wait-conditions.ts";
import { type WaitForOptions, waitForObject } from "../watch/wait-for.ts";
import type { UndoOptions } from "./rollout.ts";
import { rolledOut } from "./workload-conditions.ts";

/** What is read of a workload. */
interface Workload extends KubeObject {
  readonly spec?: {
    readonly paused?: boolean;
    readonly selector?: LabelSelectorObject;
    readonly template?: PodTemplateSpec;
  };
}

/** A patch that returns a workload to one of its revisions. */
interface Revision {
  readonly number: number;
  readonly isCurrent: (workload: Stored<Workload>) => boolean;
  readonly patch: (workload: Stored<Workload>) => Pick<ResourceCall, "body" | "contentType">;
}

/** Restarts a rollout: a pod template that differs in an annotation alone replaces all pods. */
export async function restartRollout<T extends KubeObject>(
  target: ObjectTarget<T>,
  options: WriteOptions,
): Promise<Stored<T>> {
  const workload: Stored<KubeObject> = await read(target, options);
  checkNotPaused(workload, target.describe(), "restart");
  const restartedAt = new Date(target.client.clock.wallNow()).toISOString();
  const annotations = { "kubectl.kubernetes.io/restartedAt": restartedAt };
  const body = { spec: { template: { metadata: { annotations } } } };
  const contentType = "application/merge-patch+json";
  return await patch(target, options, { body, contentType });
}

/** Waits until a rollout is complete. */
export async function waitForRollout<T extends KubeObject>(
  target: ObjectTarget<T>,
  options: WaitForOptions<T>,
): Promise<Stored<T>> {
  // It rejects other kinds, but takes their objects.
  const condition = rolledOut as ObjectCondition<never> as ObjectCondition<T>;
  return await waitForObject(target, condition, options);
}

/** Returns a workload to an earlier revision. */
export async function undoRollout<T extends KubeObject>(
  target: ObjectTarget<T>,
  { toRevision, ...options }: UndoOptions,
): Promise<Stored<T>> {
  const what = target.describe();
  if (toRevision !== undefined && !(Number.isInteger(toRevision) && toRevision > 0)) {
    throw new RangeError(`Cannot undo ${what}: toRevision must be a whole number from 1`);
  }
  const found = await read(target, options);
  const workload = found as Stored<KubeObject> as Stored<Workload>;
  checkNotPaused(workload, what, "undo");
  const history = await readHistory(target.client, workload, options);
  const revision = choose(history, toRevision);
  if (revision === undefined) {
    const known = history.map(({ number }) => number).join(", ");
    const reason =
      toRevision === undefined
        ? "it has no earlier revision"
        : `there is no revision ${toRevision}; there are ${known || "none"}`;
    throw new RolloutError(`Cannot undo ${what}: ${reason}`);
  }
  if (revision.isCurrent(workload)) return found;
  return await patch(target, options, revision.patch(workload));
}

async function read<T extends KubeObject>(
  { client, path }: ObjectTarget<T>,
  { signal, timeoutMs, maxResponseBytes }: WriteOptions,
): Promise<Stored<T>> {
  const call = { signal, timeoutMs, maxResponseBytes, method: "GET", path };
  return await client.call<Stored<T>>(call);
}

async function patch<T extends KubeObject>(
  { resource, path }: ObjectTarget<T>,
  options: WriteOptions,
  change: Pick<ResourceCall, "body" | "contentType">,
): Promise<Stored<T>> {
  return await exchange(resource, {
    ...writeCall(resource, options),
    ...change,
    method: "PATCH",
    path,
  });
}

function checkNotPaused({ spec }: Stored<Workload>, what: string, verb: string): void {
  if (spec?.paused !== true) return;
  throw new RolloutError(
    `Cannot ${verb} ${what}: its rollout is paused; set spec.paused to false first`,
  );
}

/** The revision of a number; by default the one before the latest. */
function choose(
  history: readonly Revision[],
  toRevision: number | undefined,
): Revision | undefined {
  if (toRevision !== undefined) return history.find(({ number }) => number === toRevision);
  return [...history].sort((a, b) => b.number - a.number)[1];
}

/** A Deployment keeps its history in ReplicaSets, a StatefulSet and a DaemonSet in ControllerRevisions. */
async function readHistory(
  client: ResourceClient,
  workload: Stored<Workload>,
  { signal, timeoutMs, maxResponseBytes }: WriteOptions,
): Promise<Revision[]> {
  const query = selectorQuery({ labelSelector: workload.spec?.selector });
  const call = { signal, timeoutMs, maxResponseBytes, query };
  const { namespace } = workload.metadata;
  async function listOwned<T extends KubeObject>(kind: string): Promise<Stored<T>[]> {
    const definition = { ...appsDefinition, kind, plural: `${kind.toLowerCase()}s` };
    const target = ResourceTarget.bind<T>(definition, { client, namespace });
    const owned: Stored<T>[] = [];
    for await (const { items } of listPages(target, call)) {
      owned.push(...items.filter((item) => isOwned(item, workload)));
    }
    return owned;
  }

  if (workload.kind === "Deployment") {
    const owned = await listOwned<ReplicaSet>("ReplicaSet");
    return owned.flatMap((replicaSet) => {
      const number = Number(replicaSet.metadata.annotations?.[REVISION]);
      return Number.isInteger(number) ? [revisionOfReplicaSet(number, replicaSet)] : [];
    });
  }
  const owned = await listOwned<ControllerRevision>("ControllerRevision");
  return owned.map(({ revision = 0, data }) => ({
    number: revision,
    isCurrent: ({ spec }) =>
      isEqual({ spec: { template: { ...spec?.template, $patch: "replace" } } }, data),
    patch: () => ({ body: data, contentType: "application/strategic-merge-patch+json" }),
  }));
}

const appsDefinition = { group: "apps", version: "v1", namespaced: true, subresources: [] };

function isOwned(
  { metadata: { ownerReferences = [] } }: Stored<KubeObject>,
  { metadata: { uid: owner } }: Stored<KubeObject>,
): boolean {
  return ownerReferences.some(({ controller, uid }) => controller === true && uid === owner);
}

const REVISION = "deployment.kubernetes.io/revision";
const HASH = "pod-template-hash";

/** The Deployment's own, which are not those of the revision. */
const ownAnnotations: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  REVISION,
  "deployment.kubernetes.io/revision-history",
  "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas",
  "deprecated.deployment.rollback.to",
]);

function revisionOfReplicaSet(number: number, { metadata, spec }: Stored<ReplicaSet>): Revision {
  const template = withoutHash(spec?.template);
  return {
    number,
    isCurrent: (deployment) => isEqual(withoutHash(deployment.spec?.template), template),
    patch(deployment) {
      const own = Object.entries(deployment.metadata.annotations ?? {});
      const others = Object.entries(metadata.annotations ?? {});
      const annotations = Object.fromEntries([
        ...own.filter(([key]) => ownAnnotations.has(key)),
        ...others.filter(([key]) => !ownAnnotations.has(key)),
      ]);
      return {
        body: [
          { op: "replace", path: "/spec/template", value: template },
          // "add" replaces what is there, and works if there is nothing.
          { op: "add", path: "/metadata/annotations", value: annotations },
        ],
        contentType: "application/json-patch+json",
      };
    },
  };
}

/** A pod template as the Deployment has it: the label is the ReplicaSet's. */
function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  if (template?.metadata?.labels === undefined) return template;
  const { [HASH]: _hash, ...labels } = template.metadata.labels;
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** Whether two JSON values are the same. What is empty counts as missing, as for apimachinery's `DeepEqual`. */
function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, sortKeys) === JSON.stringify(b, sortKeys);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value ?? undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}
