/**
 * Objects in the model of the API server; its words are those of kube-apiserver 1.37.
 *
 * @module
 */

import { expect, test } from "vitest";
import type { StoredObject } from "../../../src/testing/model/objects.ts";
import {
  CONFIG_MAPS,
  PODS,
  DEPLOYMENTS,
  type Sent,
  start,
  configMap,
  names,
} from "./fake-api-scene.ts";

test("a created object has the server's fields, and a second one with its name is rejected", async () => {
  const { send } = start();
  const created = await send("POST", CONFIG_MAPS, configMap("a", { x: "1" }));
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: {
      name: "a",
      namespace: "default",
      resourceVersion: "98",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    data: { x: "1" },
  });
  const again = await send("POST", CONFIG_MAPS, configMap("a"));
  expect(again).toMatchObject({
    status: 409,
    body: { reason: "AlreadyExists", message: 'configmaps "a" already exists' },
  });
});

test.each([
  ["GET", `${CONFIG_MAPS}/zz`, undefined, 404, 'configmaps "zz" not found'],
  ["GET", "/apis/apps/v1/bars", undefined, 404, "the server could not find the requested resource"],
  [
    "POST",
    CONFIG_MAPS,
    { metadata: {} },
    422,
    'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  ],
  [
    "DELETE",
    "/api/v1/pods",
    undefined,
    405,
    "the server does not allow this method on the requested resource",
  ],
  [
    "GET",
    `${PODS}?fieldSelector=spec.foo%3Da`,
    undefined,
    400,
    "field label not supported: spec.foo",
  ],
  [
    "GET",
    `${CONFIG_MAPS}?sendInitialEvents=true`,
    undefined,
    422,
    'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
  ],
  ["PATCH", `${CONFIG_MAPS}/a`, {}, 415, "415: Unsupported Media Type"],
])("%s %s is rejected with the server's wording", async (method, path, body, status, message) => {
  const { send } = start();
  expect(await send(method, path, body)).toMatchObject({ status, body: { code: status, message } });
});

test("a stale update is a conflict, and one that changes nothing writes nothing", async () => {
  const { api, send } = start();
  const stored = api.put("configmaps", configMap("a", { x: "1" }));
  const same = await send("PUT", `${CONFIG_MAPS}/a`, stored);
  expect(same.body).toEqual(stored);
  await send("PUT", `${CONFIG_MAPS}/a`, { ...stored, data: { x: "2" } });
  const stale = await send("PUT", `${CONFIG_MAPS}/a`, stored);
  expect(stale).toMatchObject({ status: 409, body: { reason: "Conflict" } });
  expect(api.revision).toBe(99);
});

test.each([
  ["application/merge-patch+json", { data: { x: null, y: "2" } }, { y: "2", z: "3" }],
  [
    "application/json-patch+json",
    [
      { op: "test", path: "/data/x", value: "1" },
      { op: "move", from: "/data/x", path: "/data/y" },
      { op: "replace", path: "/data/z", value: "4" },
    ],
    { y: "1", z: "4" },
  ],
])("%s changes the fields in its body", async (type, patch, data) => {
  const { api, send } = start();
  api.put("configmaps", configMap("a", { x: "1", z: "3" }));
  const init = { headers: { "Content-Type": type } };
  const { body } = await send("PATCH", `${CONFIG_MAPS}/a`, patch, init);
  expect(body).toMatchObject({ data });
  expect(api.objects("configmaps")[0]?.["data"]).toEqual(data);
});

test("apply creates, conflicts with other managers' fields, takes them by force, and drops its own", async () => {
  const { api, send } = start();
  const init = { headers: { "Content-Type": "application/apply-patch+yaml" } };
  const config = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
  async function apply(query: string, data: object): Promise<Sent> {
    return await send("PATCH", `${CONFIG_MAPS}/a?${query}`, { ...config, data }, init);
  }
  expect((await apply("fieldManager=me", { a: "1", b: "1" })).status).toBe(201);
  expect(await apply("fieldManager=you", { a: "2" })).toMatchObject({
    status: 409,
    body: {
      message: 'Apply failed with 1 conflict: conflict with "me": .data.a',
      details: {
        causes: [
          { reason: "FieldManagerConflict", message: 'conflict with "me"', field: ".data.a" },
        ],
      },
    },
  });
  expect((await apply("fieldManager=you&force=true", { a: "2" })).status).toBe(200);
  await apply("fieldManager=me", { c: "3" });
  expect(api.objects("configmaps")[0]?.["data"]).toEqual({ a: "2", c: "3" });

  const merge = { headers: { "Content-Type": "application/merge-patch+json" } };
  const patch = { data: { c: "4" } };
  await send("PATCH", `${CONFIG_MAPS}/a?fieldManager=kubectl`, patch, merge);
  expect(await apply("fieldManager=me", { c: "5" })).toMatchObject({
    body: { details: { causes: [{ message: 'conflict with "kubectl" using v1' }] } },
  });
});

test("a finalizer delays a deletion until it is removed", async () => {
  const { api, send } = start();
  const held = { metadata: { name: "a", finalizers: ["example.com/hold"] } };
  const { metadata } = api.put("configmaps", held);
  const wrong = { preconditions: { uid: "other" } };
  expect((await send("DELETE", `${CONFIG_MAPS}/a`, wrong)).status).toBe(409);
  const deleted = await send("DELETE", `${CONFIG_MAPS}/a`);
  expect(deleted.body).toMatchObject({
    metadata: { uid: metadata.uid, deletionTimestamp: "2026-01-01T00:00:00Z" },
  });
  const init = { headers: { "Content-Type": "application/merge-patch+json" } };
  await send("PATCH", `${CONFIG_MAPS}/a`, { metadata: { finalizers: null } }, init);
  expect(api.objects("configmaps")).toEqual([]);
});

test("a collection delete deletes the selected objects", async () => {
  const { api, send } = start();
  api.put("configmaps", configMap("a", {}, { app: "web" }));
  api.put("configmaps", configMap("b"));
  const { body } = await send("DELETE", `${CONFIG_MAPS}?labelSelector=app%3Dweb`);
  expect(names(body)).toEqual(["a"]);
  expect(api.objects("configmaps").map(({ metadata }) => metadata.name)).toEqual(["b"]);
});

test("a dry run returns a result and stores nothing", async () => {
  const { api, send } = start();
  const { status, body } = await send("POST", `${CONFIG_MAPS}?dryRun=All`, {
    metadata: { generateName: "a-" },
  });
  expect(status).toBe(201);
  expect((body as StoredObject).metadata.name).toMatch(/^a-[a-z0-9]{5}$/);
  expect(api.objects("configmaps")).toEqual([]);
});

test("status and scale change only their own fields", async () => {
  const { api, send } = start();
  const spec = { replicas: 1, selector: { matchLabels: { app: "web" } } };
  const stored = api.put("deployments", { metadata: { name: "d" }, spec });
  const changed = { ...stored, spec: { ...spec, replicas: 9 }, status: { replicas: 1 } };
  const withStatus = await send("PUT", `${DEPLOYMENTS}/d/status`, changed);
  expect(withStatus.body).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 1 } });
  const init = { headers: { "Content-Type": "application/merge-patch+json" } };
  const scaled = await send("PATCH", `${DEPLOYMENTS}/d/scale`, { spec: { replicas: 3 } }, init);
  expect(scaled.body).toMatchObject({
    kind: "Scale",
    spec: { replicas: 3 },
    status: { replicas: 1, selector: "app=web" },
  });
  expect(api.objects("deployments")[0]).toMatchObject({
    metadata: { generation: 2 },
    spec: { replicas: 3 },
    status: { replicas: 1 },
  });
});

test("an eviction deletes the pod, unless a disruption budget forbids it", async () => {
  const { api, send } = start();
  api.put("pods", { metadata: { name: "p" } });
  api.protectPod("p");
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "p" } };
  expect((await send("POST", `${PODS}/p/eviction`, eviction)).status).toBe(429);
  api.protectPod("p", false);
  expect(await send("POST", `${PODS}/p/eviction`, eviction)).toMatchObject({
    status: 201,
    body: { kind: "Status", status: "Success" },
  });
  expect(api.objects("pods")).toEqual([]);
});
