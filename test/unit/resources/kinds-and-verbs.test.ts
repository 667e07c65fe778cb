/**
 * A kind determines its verbs: a verb that it lacks does not compile.
 *
 * @module
 */

import { describe, expect, expectTypeOf, test } from "vitest";
import { ConfigMap, Deployment, Node, Pod, defineResource } from "../../../src/resources/index.ts";
import { createScriptedClient } from "../support/scripted-client.ts";

const names = {
  group: "example.com",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
} as const;

const client = createScriptedClient();
const configMaps = ConfigMap.bind(client, {});
const deployments = Deployment.bind(client, {});
const nodes = Node.bind(client, {});
const pods = Pod.bind(client, {});

describe("a verb that a kind lacks", () => {
  test("does not compile", () => {
    expectTypeOf(configMaps).not.toHaveProperty("logs");
    expectTypeOf(configMaps).not.toHaveProperty("status");
    expectTypeOf(configMaps).not.toHaveProperty("scale");
    expectTypeOf(pods).not.toHaveProperty("scale");
    expectTypeOf(deployments).not.toHaveProperty("exec");
    expectTypeOf(deployments).not.toHaveProperty("evict");
    expectTypeOf(nodes).not.toHaveProperty("scale");
  });

  test("does not exist at run time either", () => {
    for (const verb of ["logs", "logText", "evict", "status", "scale"]) {
      expect(verb in configMaps).toBe(false);
    }
    expect("scale" in pods).toBe(false);
    expect("exec" in deployments).toBe(false);
  });
});

test("a kind has the verbs of its subresources", () => {
  expectTypeOf(deployments.scale.get).toBeFunction();
  expectTypeOf(deployments.status.get).toBeFunction();
  expectTypeOf(nodes.status.patch).toBeFunction();
  expectTypeOf(pods.logs).toBeFunction();
  expectTypeOf(pods.evict).toBeFunction();
  expect(Object.keys(deployments)).toEqual(expect.arrayContaining(["get", "scale", "status"]));
  expect(Object.keys(pods)).toEqual(
    expect.arrayContaining(["get", "logs", "logText", "evict", "status"]),
  );
});

describe("defineResource() infers verbs from subresources", () => {
  test("which are status alone by default", () => {
    const widgets = defineResource(names).bind(client, {});
    expectTypeOf(widgets.status.get).toBeFunction();
    expectTypeOf(widgets).not.toHaveProperty("scale");
    expect("scale" in widgets).toBe(false);
  });

  test("which are the given ones", () => {
    const widgets = defineResource({ ...names, subresources: ["scale"] }).bind(client, {});
    expectTypeOf(widgets.scale.get).toBeFunction();
    expectTypeOf(widgets).not.toHaveProperty("status");
    expect("status" in widgets).toBe(false);
    expect("scale" in widgets).toBe(true);
  });

  test("which may be empty", () => {
    const widgets = defineResource({ ...names, subresources: [] }).bind(client, {});
    expectTypeOf(widgets).not.toHaveProperty("status");
    expect("status" in widgets).toBe(false);
  });
});
