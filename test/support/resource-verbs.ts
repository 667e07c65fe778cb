/**
 * Tests of the verbs of resources, for the model of an API server and for kube-apiserver.
 *
 * @module
 */

import { expect, test } from "vitest";
import { ApplyConflictError, type KubeClient } from "../../src/index.ts";
import { ConfigMap, Deployment } from "../../src/resources/index.ts";
import { rejection } from "./rejection.ts";

const web: Deployment = {
  metadata: { name: "web" },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "main", image: "web" }] },
    },
  },
};

/** Creates ConfigMaps. Each has its first letter as a label. */
export async function createMaps(kube: KubeClient, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const labels = { initial: name.slice(0, 1) };
    const map = { metadata: { name, labels }, data: { colour: "blue" } };
    await kube.resource(ConfigMap).create(map);
  }
}

/**
 * Tests the verbs.
 *
 * @param connect a client of an empty namespace, closed when the test ends
 */
export function testVerbs(connect: () => Promise<KubeClient>): void {
  async function startMaps(names: readonly string[] = []) {
    const kube = await connect();
    await createMaps(kube, names);
    return { kube, maps: kube.resource(ConfigMap) };
  }

  test("creates, gets, replaces and deletes an object", async () => {
    const { kube, maps } = await startMaps();
    const created = await maps.create({ metadata: { name: "a" }, data: { colour: "blue" } });
    expect(created.metadata).toMatchObject({ name: "a", namespace: kube.namespace });
    expect(await maps.get("a")).toEqual(created);
    const replaced = await maps.replace({ ...created, data: { colour: "red" } });
    expect(replaced.data).toEqual({ colour: "red" });
    const old = await rejection(maps.replace({ ...created, data: { colour: "green" } }));
    expect(old).toMatchObject({ status: 409, reason: "Conflict" });
    expect(await maps.delete("a")).toMatchObject({ status: "Success" });
    expect(await rejection(maps.get("a"))).toMatchObject({ status: 404, reason: "NotFound" });
  });

  test("creates no object twice, and none on a dry run", async () => {
    const { maps } = await startMaps(["a"]);
    const again = await rejection(maps.create({ metadata: { name: "a" } }));
    expect(again).toMatchObject({ status: 409, reason: "AlreadyExists" });
    await maps.create({ metadata: { name: "b" } }, { dryRun: true });
    expect((await maps.list()).items).toHaveLength(1);
  });

  test("lists selected objects, and page by page", async () => {
    const { maps } = await startMaps(["a", "ab", "b"]);
    const chosen = await maps.list({ labelSelector: { initial: "a" } });
    expect(chosen.items.map(({ metadata, kind }) => [metadata.name, kind])).toEqual([
      ["a", "ConfigMap"],
      ["ab", "ConfigMap"],
    ]);
    const first = await maps.list({ limit: 2 });
    const rest = await maps.list({ continue: first.metadata.continue });
    expect([first.items.length, rest.items.length]).toEqual([2, 1]);
  });

  test("patches with a merge patch, a JSON patch and apply", async () => {
    const { maps } = await startMaps(["a"]);
    const merged = await maps.patch("a", { data: { size: "big" } });
    expect(merged.data).toEqual({ colour: "blue", size: "big" });
    const patched = await maps.patch("a", [{ op: "remove", path: "/data/size" }]);
    expect(patched.data).toEqual({ colour: "blue" });
    const config = { metadata: { name: "b" }, data: { colour: "red" } };
    const applied = await maps.apply(config, { fieldManager: "one" });
    expect(applied.data).toEqual({ colour: "red" });
  });

  test("reports who owns the fields that it may not apply, and takes them over by force", async () => {
    const { maps } = await startMaps();
    const config = { metadata: { name: "a" }, data: { colour: "red" } };
    await maps.apply(config, { fieldManager: "one" });
    const other = { ...config, data: { colour: "blue" } };
    const error = await rejection(maps.apply(other, { fieldManager: "two" }));
    expect(error).toBeInstanceOf(ApplyConflictError);
    expect(error).toMatchObject({ conflicts: [{ field: ".data.colour", manager: "one" }] });
    const forced = await maps.apply(other, { fieldManager: "two", force: true });
    expect(forced.data).toEqual({ colour: "blue" });
  });

  test("deletes selected objects, and only if the preconditions hold", async () => {
    const { maps } = await startMaps(["a", "ab", "b"]);
    await maps.deleteCollection({ labelSelector: { initial: "a" } });
    expect((await maps.list()).items.map(({ metadata }) => metadata.name)).toEqual(["b"]);
    const other = await rejection(maps.delete("b", { preconditions: { uid: "other" } }));
    expect(other).toMatchObject({ status: 409 });
  });

  test("writes status and scale separately from the rest", async () => {
    const kube = await connect();
    const deployments = kube.resource(Deployment);
    const created = await deployments.create(web);
    const status = { replicas: 1, readyReplicas: 1 };
    const spec = { ...created.spec, replicas: 9 } as typeof created.spec;
    const replaced = await deployments.status.replace({ ...created, spec, status });
    expect(replaced).toMatchObject({ spec: { replicas: 1 }, status });
    await deployments.scale.patch("web", { spec: { replicas: 3 } });
    expect(await deployments.scale.get("web")).toMatchObject({
      kind: "Scale",
      spec: { replicas: 3 },
      status: { replicas: 1 },
    });
    expect(await deployments.get("web")).toMatchObject({ spec: { replicas: 3 }, status });
  });

  test("applies repeatedly as one manager without a conflict", async () => {
    const { maps } = await startMaps();
    for (const colour of ["red", "green", "blue", "blue", "red"]) {
      const config = { metadata: { name: "a" }, data: { colour } };
      const applied = await maps.apply(config, { fieldManager: "one" });
      expect(applied.data).toEqual({ colour });
      expect(applied.metadata.managedFields).toMatchObject([
        { manager: "one", operation: "Apply" },
      ]);
    }
    const other = { metadata: { name: "a" }, data: { size: "big" } };
    expect((await maps.apply(other, { fieldManager: "one" })).data).toEqual({ size: "big" });
  });
}
