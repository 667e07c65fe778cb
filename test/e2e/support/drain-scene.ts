/**
 * Pods that a drain affects, and the disruption budget that protects them.
 *
 * @module
 */

import type { KubeClient } from "../../../src/index.ts";
import { type OwnerReference, Pod, PodDisruptionBudget } from "../../../src/resources/index.ts";
import { eventually } from "../../support/cluster.ts";

/** The reference of an object to the one that controls it. */
export function ownedBy(kind: string, name: string, uid: string): OwnerReference[] {
  return [{ apiVersion: "apps/v1", kind, name, uid, controller: true }];
}

/** A pod that a drain affects. */
export interface PodToDrain {
  readonly name: string;
  /** The name of its node. */
  readonly nodeName: string;
  /** The kind of the object that controls it. */
  readonly owner?: string;
  readonly emptyDir?: boolean;
  readonly labels?: Record<string, string>;
}

/** Creates a pod that a drain affects, with the client's namespace as its label `scene`, and waits until it runs. */
export async function createPodToDrain(kube: KubeClient, pod: PodToDrain): Promise<void> {
  const { name, nodeName, owner, emptyDir, labels = {} } = pod;
  const uid = crypto.randomUUID();
  await kube.resource(Pod).create({
    metadata: {
      name,
      labels: { ...labels, scene: kube.namespace },
      ...(owner !== undefined && { ownerReferences: ownedBy(owner, "owner", uid) }),
    },
    spec: {
      nodeName,
      serviceAccountName: "default",
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "main", image: "none", resources: { requests: { cpu: "10m" } } }],
      ...(emptyDir === true && { volumes: [{ name: "data", emptyDir: {} }] }),
    },
  });
  await eventually(`${name} runs`, async () => {
    return (await kube.resource(Pod).get(name)).status?.phase === "Running";
  });
}

/** The names of the pods that are not being deleted, sorted. */
export async function podNames(kube: KubeClient): Promise<string[]> {
  const { items } = await kube.resource(Pod).metadata.list();
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name)
    .toSorted();
}

/** Sets how many of the pods with the label `app` may be evicted at present. */
export async function allowDisruptions(
  kube: KubeClient,
  disruptionsAllowed: number,
): Promise<void> {
  const status = {
    observedGeneration: 1,
    disruptionsAllowed,
    currentHealthy: 1,
    desiredHealthy: 1,
    expectedPods: 1,
  };
  await kube.resource(PodDisruptionBudget).status.patch("budget", { status });
}

/** Creates a disruption budget for the pods with the label `app: web`. Its controller has not seen it yet. */
export async function createUnprocessedBudget(kube: KubeClient): Promise<void> {
  await kube.resource(PodDisruptionBudget).create({
    metadata: { name: "budget" },
    spec: { minAvailable: 1, selector: { matchLabels: { app: "web" } } },
  });
}

/** Creates a disruption budget that protects the pods with the label `app: web` from eviction. */
export async function createBudget(kube: KubeClient): Promise<void> {
  await createUnprocessedBudget(kube);
  await allowDisruptions(kube, 0);
}
