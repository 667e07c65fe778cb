/**
 * Resources over time, as any whole cluster has them: a fake one, and kube-apiserver.
 *
 * @module
 */

import { expect, onTestFinished, test } from "vitest";
import { z } from "zod/mini";
import type { KubeClient } from "../../src/index.ts";
import {
  ConfigMap,
  CustomResourceDefinition,
  Deployment,
  Pod,
  defineResource,
} from "../../src/resources/index.ts";

/** A Deployment whose pods have its name as their label. */
export function aDeployment(name: string): Deployment {
  const labels = { app: name };
  const containers = [{ name: "web", image: "web" }];
  return {
    metadata: { name, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}

/**
 * Tests informers, waits and custom resources.
 *
 * @param connect a client of an empty namespace, closed when the test ends
 */
export function testFollowing(connect: () => Promise<KubeClient>): void {
  test("an informer holds what there is, page by page or not, while it is written", async () => {
    const kube = await connect();
    const maps = kube.resource(ConfigMap);
    for (let at = 0; at < 25; at += 1) await maps.create({ metadata: { name: `map-${at}` } });
    const informer = maps.informer({ indexes: { colour: ({ data }) => data?.["colour"] } });
    await informer.synced();
    expect(informer.size).toBe(25);

    await maps.patch("map-1", { data: { colour: "blue" } });
    await maps.apply(
      { metadata: { name: "map-2" }, data: { colour: "blue" } },
      { fieldManager: "me" },
    );
    await maps.delete("map-3");
    const colours = (): string[] =>
      informer.byIndex("colour", "blue").map(({ metadata }) => metadata.name);
    await expect.poll(colours, { timeout: 60_000 }).toEqual(["map-1", "map-2"]);
    await expect.poll(() => informer.get("map-3"), { timeout: 60_000 }).toBeUndefined();

    const listed: string[] = [];
    for await (const { items } of maps.listAll({ limit: 7 })) {
      listed.push(...items.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
    }
    const held = informer.list().map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(listed.toSorted()).toEqual(held.toSorted());

    const conflict = maps.apply(
      { metadata: { name: "map-2" }, data: { colour: "red" } },
      { fieldManager: "you" },
    );
    await expect(conflict).rejects.toMatchObject({
      name: "ApplyConflictError",
      conflicts: [{ field: ".data.colour", manager: "me" }],
    });
    await informer.stop();
  });

  test("a Deployment is scaled, its status written, and waited for", async () => {
    const kube = await connect();
    const deployments = kube.resource(Deployment);
    await deployments.create(aDeployment("web"), { fieldValidation: "Strict" });
    await deployments.scale.patch("web", { spec: { replicas: 3 } });
    expect((await deployments.get("web")).spec?.replicas).toBe(3);

    const late = deployments.waitFor("web", "Available", { timeoutMs: 200 });
    await expect(late).rejects.toThrow("for Deployment");
    const available = deployments.waitFor("web", "Available");
    const conditions = [{ type: "Available", status: "True" }];
    await deployments.status.patch("web", { status: { conditions } });
    expect((await available).status?.conditions).toMatchObject(conditions);

    const gone = deployments.waitForDeleted("web");
    await deployments.deleteCollection({ labelSelector: { app: "web" } });
    await gone;
    await expect(kube.resource(Pod).evict("nobody")).rejects.toMatchObject({ reason: "NotFound" });
  });

  test("a custom resource is defined, discovered, checked and watched", async () => {
    const kube = await connect();
    const kind = `Widget${crypto.randomUUID().slice(0, 8)}`;
    const plural = `${kind.toLowerCase()}s`;
    const definitions = kube.resource(CustomResourceDefinition);
    const name = `${plural}.example.com`;
    const openAPIV3Schema = {
      type: "object",
      properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    };
    await definitions.create({
      metadata: { name },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { kind, plural },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema } }],
      },
    });
    onTestFinished(async () => void (await definitions.delete(name).catch(() => {})));
    await definitions.waitFor(name, "Established");
    const find = async (): Promise<string | undefined> =>
      (await kube.discover({ refresh: true })).find(name)?.kind;
    await expect.poll(find, { timeout: 60_000 }).toBe(kind);

    const Widget = defineResource({
      group: "example.com",
      version: "v1",
      kind,
      plural,
      namespaced: true,
      schema: z.object({ spec: z.object({ size: z.number() }) }),
      check: "reject",
    });
    const widgets = kube.resource(Widget);
    await widgets.create({ metadata: { name: "good" }, spec: { size: 1 } });
    const watch = widgets.watch();
    expect((await watch.next()).value).toMatchObject({
      type: "added",
      object: { spec: { size: 1 } },
    });
    const bad = {
      apiVersion: "example.com/v1",
      kind,
      metadata: { name: "bad" },
      spec: { size: "x" },
    };
    await kube.post(`/apis/example.com/v1/namespaces/${kube.namespace}/${plural}`, bad);
    const rest = (async () => {
      for await (const event of watch) expect(event.type).toBe("synced");
    })();
    await expect(rest).rejects.toThrow("spec.size");
  });
}
