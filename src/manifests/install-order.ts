/**
 * In which order objects are applied, and the other way round deleted.
 *
 * @module
 */

import { isKubernetesGroup } from "../api/kubernetes-groups.ts";
import { groupOf } from "./manifest-object.ts";

/** Helm's `InstallOrder` (helm 4 `kind_sorter.go`). */
const order: readonly string[] = [
  "PriorityClass",
  "Namespace",
  "NetworkPolicy",
  "ResourceQuota",
  "LimitRange",
  "PodSecurityPolicy",
  "PodDisruptionBudget",
  "ServiceAccount",
  "Secret",
  "SecretList",
  "ConfigMap",
  "StorageClass",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleList",
  "ClusterRoleBinding",
  "ClusterRoleBindingList",
  "Role",
  "RoleList",
  "RoleBinding",
  "RoleBindingList",
  "Service",
  "DaemonSet",
  "Pod",
  "ReplicationController",
  "ReplicaSet",
  "Deployment",
  "HorizontalPodAutoscaler",
  "StatefulSet",
  "Job",
  "CronJob",
  "IngressClass",
  "Ingress",
  "APIService",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration",
];

const ranks: ReadonlyMap<string, number> = new Map(order.map((kind, rank) => [kind, rank]));

/** What an object says of its kind. */
interface Ordered {
  readonly apiVersion: string;
  readonly kind: string;
}

/**
 * Groups objects into stages: those of one stage do not depend on each other. Kinds that Helm's order does not have
 * come last, and so do custom resources: Calico's `NetworkPolicy` is none of Kubernetes'.
 */
export function stagesOf<Item extends Ordered>(objects: readonly Item[]): Item[][] {
  const stages = new Map<number, Item[]>();
  for (const object of objects) {
    const rank = rankOf(object);
    const stage = stages.get(rank);
    if (stage === undefined) stages.set(rank, [object]);
    else stage.push(object);
  }
  return [...stages].sort(([a], [b]) => a - b).map(([, stage]) => stage);
}

/** The same for deleting: what may depend on others comes first. */
export function deletionStagesOf<Item extends Ordered>(objects: readonly Item[]): Item[][] {
  const stages = stagesOf(objects);
  return stages.map((_, index) => stages[stages.length - 1 - index] ?? []);
}

function rankOf({ apiVersion, kind }: Ordered): number {
  const rank = isKubernetesGroup(groupOf(apiVersion)) ? ranks.get(kind) : undefined;
  return rank ?? order.length;
}
