/**
 * The order in which objects are applied and deleted.
 *
 * @module
 */

import { expect, test } from "vitest";
import { deletionStagesOf, stagesOf } from "../../../src/manifests/install-order.ts";

const apiVersions: Readonly<Record<string, string>> = {
  Widget: "example.com/v1",
  Deployment: "apps/v1",
  CustomResourceDefinition: "apiextensions.k8s.io/v1",
};

const objects = [
  "Widget",
  "Deployment",
  "CustomResourceDefinition",
  "ConfigMap",
  "Namespace",
  "ConfigMap",
].map((kind, index) => ({ apiVersion: apiVersions[kind] ?? "v1", kind, index }));

function kinds(stages: readonly (readonly { kind: string }[])[]): string[][] {
  return stages.map((stage) => stage.map(({ kind }) => kind));
}

const order = [
  ["Namespace"],
  ["ConfigMap", "ConfigMap"],
  ["CustomResourceDefinition"],
  ["Deployment"],
  ["Widget"],
];

test("stagesOf() puts dependencies first, and custom resources last", () => {
  expect(kinds(stagesOf(objects))).toEqual(order);
  expect(stagesOf(objects)[1]?.map(({ index }) => index)).toEqual([3, 5]);
});

/** `InstallOrder` of Helm's `kind_sorter.go`, without its lists, which come apart into their items. */
const installOrder = [
  ["scheduling.k8s.io/v1", "PriorityClass"],
  ["v1", "Namespace"],
  ["networking.k8s.io/v1", "NetworkPolicy"],
  ["v1", "ResourceQuota"],
  ["v1", "LimitRange"],
  ["policy/v1beta1", "PodSecurityPolicy"],
  ["policy/v1", "PodDisruptionBudget"],
  ["v1", "ServiceAccount"],
  ["v1", "Secret"],
  ["v1", "ConfigMap"],
  ["storage.k8s.io/v1", "StorageClass"],
  ["v1", "PersistentVolume"],
  ["v1", "PersistentVolumeClaim"],
  ["apiextensions.k8s.io/v1", "CustomResourceDefinition"],
  ["rbac.authorization.k8s.io/v1", "ClusterRole"],
  ["rbac.authorization.k8s.io/v1", "ClusterRoleBinding"],
  ["rbac.authorization.k8s.io/v1", "Role"],
  ["rbac.authorization.k8s.io/v1", "RoleBinding"],
  ["v1", "Service"],
  ["apps/v1", "DaemonSet"],
  ["v1", "Pod"],
  ["v1", "ReplicationController"],
  ["apps/v1", "ReplicaSet"],
  ["apps/v1", "Deployment"],
  ["autoscaling/v2", "HorizontalPodAutoscaler"],
  ["apps/v1", "StatefulSet"],
  ["batch/v1", "Job"],
  ["batch/v1", "CronJob"],
  ["networking.k8s.io/v1", "IngressClass"],
  ["networking.k8s.io/v1", "Ingress"],
  ["apiregistration.k8s.io/v1", "APIService"],
  ["admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"],
  ["admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"],
] as const;

test("stagesOf() follows Helm's whole order, and deletionStagesOf() its reverse", () => {
  const known = installOrder.map(([apiVersion, kind]) => ({ apiVersion, kind }));
  const unknown = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" };
  const stages = [...known, unknown].map((object) => [object]);
  const byName = stages.flat().toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
  for (const given of [byName, byName.toReversed()]) {
    expect(stagesOf(given)).toEqual(stages);
    expect(deletionStagesOf(given)).toEqual(stages.toReversed());
  }
});

test("stagesOf() puts a custom resource last, even if its kind has the name of a built-in one", () => {
  const [definition, own, calico] = [
    { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition" },
    { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
    { apiVersion: "crd.projectcalico.org/v1", kind: "NetworkPolicy" },
  ] as const;
  expect(stagesOf([calico, definition, own])).toEqual([[own], [definition], [calico]]);
  expect(deletionStagesOf([own, definition, calico])).toEqual([[calico], [definition], [own]]);
});

test("deletionStagesOf() puts it last", () => {
  expect(kinds(deletionStagesOf(objects))).toEqual(order.toReversed());
  expect(deletionStagesOf([])).toEqual([]);
});
