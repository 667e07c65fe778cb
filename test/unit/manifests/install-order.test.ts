/**
 * In which order objects are applied and deleted.
 *
 * @module
 */

import { expect, test } from "vitest";
import { deletionStagesOf, stagesOf } from "../../../src/manifests/install-order.ts";

const objects = [
  "Widget",
  "Deployment",
  "CustomResourceDefinition",
  "ConfigMap",
  "Namespace",
  "ConfigMap",
].map((kind, index) => ({ kind, index }));

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

test("deletionStagesOf() puts it last", () => {
  expect(kinds(deletionStagesOf(objects))).toEqual(order.toReversed());
  expect(deletionStagesOf([])).toEqual([]);
});
