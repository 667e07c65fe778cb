/**
 * Every verb of a resource, as a server takes it.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { z } from "zod/mini";
import { ApiError, TimeoutError } from "../../src/index.ts";
import { ConfigMap, Namespace, Pod, defineResource } from "../../src/resources/index.ts";
import type { ServeOptions } from "../support/api-server.ts";
import { createMaps, testVerbs } from "../support/resource-verbs.ts";
import { aPod } from "./support/pods.ts";
import { connectQuicklyTo } from "./support/quickly.ts";
import { rejection, startCluster, types, until } from "./support/scene.ts";
import { ways } from "./support/ways.ts";

const Widget = defineResource({
  group: "example.com",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
  subresources: ["status", "scale"],
  schema: z.object({ spec: z.object({ size: z.number() }) }),
  check: "reject",
});

describe.each(ways)("a resource over $way", ({ http2, settings }) => {
  async function start(fakeApi: ServeOptions["fakeApi"] = {}) {
    const cluster = await startCluster({ fakeApi, http2 });
    const client = await connectQuicklyTo(cluster, settings);
    return { ...client, fake: cluster.server.fake };
  }

  async function startMaps(names: readonly string[] = []) {
    const scene = await start();
    await createMaps(scene.kube, names);
    return { ...scene, maps: scene.kube.resource(ConfigMap) };
  }

  testVerbs(async () => (await start()).kube);

  test("lists every object exactly once, even if the list expires midway", async () => {
    const { maps, fake } = await startMaps(["a", "b", "c", "d", "e"]);
    const names: string[] = [];
    for await (const { items } of maps.listAll({ limit: 2 })) {
      names.push(...items.map(({ metadata }) => metadata.name));
      if (names.length > 2) continue;
      await fake.put("configmaps", { metadata: { name: "f" } });
      await fake.compact();
    }
    expect(names).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  test("evicts a pod, unless a disruption budget forbids it", async () => {
    const { kube, fake } = await start();
    await fake.put("pods", aPod("web"));
    const pods = kube.resource(Pod);
    await fake.protectPod("web");
    const error = await rejection(pods.evict("web"));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 429, causes: [{ reason: "DisruptionBudget" }] });
    await fake.protectPod("web", false);
    await pods.evict("web");
    expect(await rejection(pods.get("web"))).toMatchObject({ status: 404 });
  });

  test("uses the given namespace, all namespaces, or none", async () => {
    const { kube, fake } = await start();
    await kube.resource(Namespace).create({ metadata: { name: "north" } });
    await kube.resource(ConfigMap, { namespace: "north" }).create({ metadata: { name: "a" } });
    const everywhere = kube.resource(ConfigMap, { namespace: "*" });
    await everywhere.create({ metadata: { name: "b", namespace: "south" } });
    const { items } = await everywhere.list();
    expect(items.map(({ metadata }) => metadata.namespace)).toEqual(["north", "south"]);
    expect(await fake.objects("namespaces")).toHaveLength(1);
  });

  test("reports the server's warnings", async () => {
    const { maps, fake, events } = await startMaps(["a"]);
    await fake.faults.next({ verb: "get" }, { warning: 'v1 is "old"' });
    await maps.get("a");
    expect(events).toContainEqual({
      type: "warning",
      message: 'v1 is "old"',
      method: "GET",
      path: "/api/v1/namespaces/default/configmaps/a",
    });
  });

  test.each([true, false])("discovers the server's kinds, aggregated: %j", async (isAggregated) => {
    const { kube, fake } = await start({ aggregatedDiscovery: isAggregated });
    const { kinds, missing, find } = await kube.discover();
    expect(missing).toEqual([]);
    expect(kinds.map(({ kind }) => kind).toSorted()).toEqual([
      "ConfigMap",
      "Deployment",
      "Namespace",
      "Pod",
      "Widget",
    ]);
    const kind = find("widgets.example.com");
    if (kind === undefined) throw new Error("Cannot find widgets");
    await kube.resource(kind).create({ metadata: { name: "a" }, spec: { size: 1 } } as object);
    expect(await fake.objects("widgets")).toHaveLength(1);
    await fake.removeKind("widgets");
    expect((await kube.discover({ refresh: true })).find("widgets")).toBeUndefined();
  });

  test("waits until an object meets a condition, and until it is deleted", async () => {
    const { kube, fake } = await start();
    const pods = kube.resource(Pod);
    const ready = pods.waitFor("web", "Ready");
    await fake.put("pods", aPod("web"));
    const running = { conditions: [{ type: "Ready", status: "True" }] };
    await fake.put("pods", aPod("web", "default", { status: running }));
    expect((await ready).metadata.name).toBe("web");
    const gone = pods.waitForDeleted("web");
    await until("it is watched", async () => (await fake.openWatches()).length > 0);
    await fake.remove("pods", "default", "web");
    await gone;
    await until("no watch is left", async () => (await fake.openWatches()).length === 0);
  });

  test("waits no longer than its limit, and reports the object's last state", async () => {
    const { kube, fake } = await start();
    await fake.put("pods", aPod("web", "default", { status: { phase: "Pending" } }));
    const error = await rejection(kube.resource(Pod).waitFor("web", "Ready", { timeoutMs: 5_000 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(String(error)).toContain("phase Pending");
    await until("no watch is left", async () => (await fake.openWatches()).length === 0);
  });

  test("validates the objects of a custom kind against their schema", async () => {
    const { kube, fake, events } = await start();
    const widgets = kube.resource(Widget);
    const created = await widgets.create({ metadata: { name: "a" }, spec: { size: 1 } });
    const size: number = created.spec.size;
    expect(size).toBe(1);
    await fake.put("widgets", { metadata: { name: "b" }, spec: { size: "big" } });
    const error = await rejection(widgets.get("b"));
    expect(error).toMatchObject({ name: "InvalidObjectError" });
    expect(String(error)).toMatch(/spec\.size/);
    expect(types(events)).not.toContain("invalid-object");
  });
});
