/**
 * In which order objects are applied and deleted.
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

test("stagesOf() puts what others depend on first, and custom resources last", () => {
  expect(kinds(stagesOf(objects))).toEqual(order);
  expect(stagesOf(objects)[1]?.map(({ index }) => index)).toEqual([3, 5]);
});

test("stagesOf() puts a custom resource last, though its kind has the name of one of Kubernetes'", () => {
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
