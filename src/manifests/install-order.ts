/**
 * In which order objects are applied, and the other way round deleted.
 *
 * @module
 */

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

/**
 * Groups objects into stages: those of one stage do not depend on each other. Kinds that Helm's order does not have,
 * custom resources among them, come last.
 */
export function stagesOf<Item extends { readonly kind: string }>(
  objects: readonly Item[],
): Item[][] {
  const stages = new Map<number, Item[]>();
  for (const object of objects) {
    const rank = ranks.get(object.kind) ?? order.length;
    const stage = stages.get(rank);
    if (stage === undefined) stages.set(rank, [object]);
    else stage.push(object);
  }
  return [...stages].sort(([a], [b]) => a - b).map(([, stage]) => stage);
}

/** The same for deleting: what may depend on others comes first. */
export function deletionStagesOf<Item extends { readonly kind: string }>(
  objects: readonly Item[],
): Item[][] {
  const stages = stagesOf(objects);
  return stages.map((_, index) => stages[stages.length - 1 - index] ?? []);
}
