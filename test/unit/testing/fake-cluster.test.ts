/**
 * A fake cluster, as users' own tests use it.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod/mini";
import { ConnectionError, type ReanchorEvent } from "../../../src/index.ts";
import {
  CertificateSigningRequest,
  ConfigMap,
  CustomResourceDefinition,
  Deployment,
  Namespace,
  Pod,
  ServiceAccount,
  defineResource,
} from "../../../src/resources/index.ts";
import {
  type FakeCluster,
  type FakeClusterOptions,
  ManualClock,
  createFakeCluster,
} from "../../../runtimes/testing.ts";
import { rejection } from "../../support/rejection.ts";
import { testFollowing } from "../../support/resource-following.ts";
import { testVerbs } from "../../support/resource-verbs.ts";
import { aCrd } from "../../support/crds.ts";

const Widget = defineResource({
  group: "example.com",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
  schema: z.object({ spec: z.object({ size: z.number() }) }),
});

const aMap = (name: string, data = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});

function start(options?: FakeClusterOptions): FakeCluster {
  const fake = createFakeCluster(options);
  onTestFinished(async () => await fake.close());
  return fake;
}

describe("a client of a fake cluster", () => {
  testVerbs(async () => await start().connect());
  testFollowing(async () => await start().connect());

  test("connect() supports the options of a client, and its namespace", async () => {
    const fake = start();
    const kube = await fake.connect({
      namespace: "shop",
      fieldManager: "tests",
      userAgent: "tests/1",
    });
    await kube.resource(ConfigMap).apply({ metadata: { name: "a" } });
    expect(fake.object(ConfigMap, "a", { namespace: "shop" })?.metadata.namespace).toBe("shop");
    expect(fake.requests).toMatchObject([
      {
        verb: "patch",
        kind: "ConfigMap",
        namespace: "shop",
        name: "a",
        query: { fieldManager: "tests" },
        headers: { "user-agent": expect.stringMatching(/^tests\/1 reanchor\//) as string },
        body: { metadata: { name: "a" } },
      },
    ]);
    expect(fake.objects(Namespace).map(({ metadata }) => metadata.name)).toContain("shop");
  });
});

describe("createFakeCluster()", () => {
  test("starts with objects of any kind, also in lists, and of kinds from a definition", async () => {
    const definition = aCrd("Gadget", { scope: "Cluster" });
    const fake = start({
      objects: [
        { apiVersion: "v1", kind: "List", items: [aMap("a"), aMap("b")] },
        { apiVersion: "example.com/v1", kind: "Gadget", metadata: { name: "g" } },
        {
          apiVersion: "example.com/v1",
          kind: "Widget",
          metadata: { name: "w" },
          spec: { size: 1 },
        },
        definition,
      ],
      kinds: [Widget],
    });
    const kube = await fake.connect();
    const maps = await kube.resource(ConfigMap).list();
    expect(maps.items.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
    const size: number = (await kube.resource(Widget).get("w")).spec.size;
    expect(size).toBe(1);
    const { find } = await kube.discover();
    const gadgets = find("gadgets");
    if (gadgets === undefined) throw new Error("Cannot find gadgets");
    expect((await kube.resource(gadgets).get("g")).metadata.name).toBe("g");
    await kube.resource(CustomResourceDefinition).delete("gadgets.example.com");
    expect(await rejection(kube.resource(gadgets).get("g"))).toMatchObject({ status: 404 });
  });

  test.each<[what: string, options: unknown, message: RegExp]>([
    ["an unknown option", { object: [] }, /option object of createFakeCluster: it does not exist/],
    ["objects that are none", { objects: aMap("a") }, /option objects: expected an array/],
    [
      "an object without a kind",
      { objects: [{ metadata: { name: "a" } }] },
      /objects\[0\]: it has no apiVersion/,
    ],
    [
      "an object without a name",
      { objects: [{ apiVersion: "v1", kind: "Pod" }] },
      /objects\[0\]: the Pod has no metadata\.name/,
    ],
    [
      "two objects of one name",
      { objects: [aMap("a"), aMap("b"), aMap("a")] },
      /objects\[2\]: ConfigMap default\/a is also objects\[0\]/,
    ],
    [
      "a kind that there is not",
      { objects: [{ ...aMap("a"), apiVersion: "example.com/v1", kind: "Widget" }] },
      /there is no kind Widget in example\.com\/v1; add the kind to the option kinds/,
    ],
    [
      "a kind of another version",
      { objects: [{ ...aMap("a"), apiVersion: "apps/v1beta1", kind: "Deployment" }] },
      /the cluster has Deployment in apps\/v1/,
    ],
    [
      "a namespace of what is in none",
      { objects: [{ apiVersion: "v1", kind: "Node", metadata: { name: "a", namespace: "b" } }] },
      /a Node is in no namespace/,
    ],
    ["kinds that are none", { kinds: Widget }, /option kinds: expected an array/],
    [
      "a kind without a plural",
      { kinds: [{ ...Widget, plural: "" }] },
      /kinds\[0\]: it has no plural/,
    ],
    ["an authorize that is none", { authorize: true }, /option authorize: it must be a function/],
  ])("rejects %s", (_what, options, message) => {
    expect(() => createFakeCluster(options as FakeClusterOptions)).toThrow(message);
  });

  test("asks authorize() what clients may do", async () => {
    const fake = start({
      objects: [aMap("a")],
      authorize: ({ verb, user }) => verb === "get" || user === "root",
    });
    const kube = await fake.connect();
    expect(await kube.can({ verb: "get", resource: ConfigMap })).toBe(true);
    expect(await kube.can({ verb: "delete", resource: ConfigMap })).toBe(false);
    const error = await rejection(kube.resource(ConfigMap).delete("a"));
    expect(error).toMatchObject({ status: 403, reason: "Forbidden" });
    expect(String(error)).toContain(
      'User "system:serviceaccount:default:default" cannot delete resource "configmaps" in API group "" in the namespace "default"',
    );
    expect((await kube.whoAmI()).username).toBe("system:serviceaccount:default:default");
    const root = await fake.connect({ impersonate: { user: "root" } });
    await root.resource(ConfigMap).delete("a");
  });
});

describe("the methods of a fake cluster", () => {
  test("put(), object(), objects() and remove() work without a request, and watches see the changes", async () => {
    const fake = start();
    const kube = await fake.connect();
    const told: string[] = [];
    const ended = new AbortController();
    const watching = (async () => {
      for await (const event of kube.resource(Pod).watch({ signal: ended.signal })) {
        if (event.type === "synced") fake.put(Pod, { metadata: { name: "web" } });
        else told.push(`${event.type} ${event.object.metadata.name}`);
        if (event.type === "added") fake.remove(Pod, "web");
        if (event.type === "deleted") break;
      }
    })();
    await watching;
    expect(told).toEqual(["added web", "deleted web"]);
    expect(fake.requests.map(({ verb }) => verb)).toEqual(["watch"]);
    expect(fake.objects(Pod)).toEqual([]);
    expect(fake.object(Pod, "web")).toBeUndefined();
  });

  test("failNext() fails the next matching requests", async () => {
    const fake = start({ objects: [aMap("a")] });
    const kube = await fake.connect({ maxRetryAfterMs: 0 });
    const maps = kube.resource(ConfigMap);
    fake.failNext({ status: 409 }, { verb: "update", kind: ConfigMap });
    const calls: unknown[] = [];
    await maps.update("a", (map) => {
      calls.push(map.metadata.name);
      map.data = { colour: "blue" };
    });
    expect(calls).toEqual(["a", "a"]);
    fake.failNext({ status: 429, retryAfterSeconds: 1, message: "slow down" });
    expect(await rejection(maps.get("a"))).toMatchObject({ status: 429, retryAfterSeconds: 1 });
    fake.failNext({ isLost: true }, { verb: "create" });
    expect(await rejection(maps.create({ metadata: { name: "b" } }))).toBeInstanceOf(
      ConnectionError,
    );
    expect(fake.object(ConfigMap, "b")).toBeUndefined();
    fake.failNext({ isAnswerLost: true }, { verb: "create" });
    expect(await rejection(maps.create({ metadata: { name: "b" } }))).toBeInstanceOf(
      ConnectionError,
    );
    expect(fake.object(ConfigMap, "b")).toBeDefined();
    fake.failNext({ status: 500 }, { times: 9 });
    fake.clearFailures();
    expect((await maps.get("a")).data).toEqual({ colour: "blue" });
  });

  test("failSometimes() fails the same requests in each run, and only those that it is about", async () => {
    async function statuses(seed: number): Promise<number[]> {
      const fake = start({ objects: [aMap("a")] });
      const kube = await fake.connect({ maxRetryAfterMs: 0 });
      fake.failSometimes({ seed, rate: 0.5, of: [{ status: 500 }] }, { verb: "get" });
      const found: number[] = [];
      for (let at = 0; at < 40; at += 1) {
        const { status } = await kube.fetch("/api/v1/namespaces/default/configmaps/a");
        found.push(status);
        expect((await kube.fetch("/api/v1/namespaces/default/configmaps")).status).toBe(200);
      }
      fake.clearFailures();
      expect((await kube.resource(ConfigMap).get("a")).metadata.name).toBe("a");
      return found;
    }
    const first = await statuses(1);
    expect(new Set(first)).toEqual(new Set([200, 500]));
    expect(await statuses(1)).toEqual(first);
    expect(await statuses(2)).not.toEqual(first);
  });

  test("endWatches() ends those of a kind in order, and their clients go on without a list", async () => {
    const fake = start({ objects: [aMap("a")] });
    const kube = await fake.connect();
    const maps = kube.resource(ConfigMap).informer();
    const pods = kube.resource(Pod).informer();
    onTestFinished(async () => void (await Promise.all([maps.stop(), pods.stop()])));
    await Promise.all([maps.synced(), pods.synced()]);
    const before = fake.requests.length;
    expect(fake.endWatches(ConfigMap)).toBe(1);
    fake.put(ConfigMap, { metadata: { name: "b" } });
    await expect.poll(() => maps.size, { timeout: 60_000 }).toBe(2);
    const resumed = fake.requests.slice(before);
    expect(resumed).toMatchObject([{ verb: "watch", kind: "ConfigMap" }]);
    expect(resumed[0]?.query).toHaveProperty("resourceVersion");
    expect(resumed[0]?.query).not.toHaveProperty("sendInitialEvents");
    expect(fake.endWatches()).toBe(2);
  });

  test("the time of a retry depends on the given clock", async () => {
    const clock = new ManualClock();
    const fake = start({ objects: [aMap("a")], clock });
    const events: string[] = [];
    const kube = await fake.connect({ onEvent: ({ type }) => void events.push(type) });
    expect(fake.object(ConfigMap, "a")?.metadata.creationTimestamp).toBe("2026-01-01T00:00:00Z");
    fake.failNext({ status: 503, retryAfterSeconds: 20 });
    let isDone = false;
    const getting = kube.resource(ConfigMap).get("a");
    void getting.then(() => (isDone = true));
    expect((await fake.waitForRequest({ kind: ConfigMap })).verb).toBe("get");
    await expect.poll(() => events, { timeout: 30_000 }).toContain("retry");
    await clock.advance(19_000);
    expect(isDone).toBe(false);
    await clock.advance(1_000);
    await getting;
    expect(fake.requests).toHaveLength(2);
  });

  test("a watch that expires is followed by a list", async () => {
    const fake = start({ objects: [aMap("a")] });
    const kube = await fake.connect();
    const informer = kube.resource(ConfigMap).informer();
    onTestFinished(async () => await informer.stop());
    await informer.synced();
    fake.put(ConfigMap, { metadata: { name: "b" } });
    expect(fake.expireWatches(ConfigMap)).toBe(1);
    fake.put(ConfigMap, { metadata: { name: "c" } });
    await expect.poll(() => informer.list().length, { timeout: 30_000 }).toBe(3);
  });

  test("logs() returns the lines that log() wrote", async () => {
    const containers = [{ name: "main", image: "web" }];
    const fake = start();
    fake.put(Pod, { metadata: { name: "web" }, spec: { containers } });
    fake.log("web", "hello");
    const kube = await fake.connect();
    expect(await kube.resource(Pod).logText("web")).toBe("hello\n");
    expect(() => fake.log("other", "hello")).toThrow(/there is no pod default\/other/);
  });

  test("a service account's token is issued", async () => {
    const fake = start({
      objects: [{ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "app" } }],
    });
    const kube = await fake.connect();
    const { status } = await kube
      .resource(ServiceAccount)
      .token.create("app", { spec: { audiences: ["vault"] } });
    expect(status?.token?.split(".")).toHaveLength(3);
  });

  test("a certificate signing request is approved by approval alone", async () => {
    const fake = start();
    const requests = (await fake.connect()).resource(CertificateSigningRequest);
    const spec = { request: "", signerName: "example.com/clients", usages: ["client auth"] };
    const created = await requests.create({ metadata: { name: "web" }, spec });
    const conditions = [{ type: "Approved", status: "True", reason: "Checked" }];
    await requests.replace({ ...created, status: { conditions } });
    expect((await requests.get("web")).status?.conditions).toBeUndefined();
    const change = { spec: { signerName: "example.com/others" }, status: { conditions } };
    await requests.approval.patch("web", change);
    expect(await requests.get("web")).toMatchObject({ spec, status: { conditions } });
  });

  test("rejects objects in a missing namespace, and deletes a namespace with its objects", async () => {
    const fake = start();
    const kube = await fake.connect();
    const inShop = kube.resource(ConfigMap, { namespace: "shop" });
    const error = await rejection(inShop.create({ metadata: { name: "a" } }));
    expect(String(error)).toContain('namespaces "shop" not found');
    await kube.resource(Namespace).create({ metadata: { name: "shop" } });
    await inShop.create({ metadata: { name: "a" } });
    await kube.resource(Namespace).delete("shop");
    expect(fake.objects(ConfigMap)).toEqual([]);
  });

  test.each<[what: string, act: (fake: FakeCluster) => unknown, message: RegExp]>([
    [
      "a kind that the cluster does not have",
      (fake) => fake.put(Widget, { spec: { size: 1 } }),
      /no Widget of example\.com\/v1; add the kind to the option kinds/,
    ],
    [
      "an object without a name",
      (fake) => fake.put(Pod, {}),
      /the object of put: the Pod has no metadata\.name/,
    ],
    [
      "a fault that is none",
      (fake) => fake.failNext({ code: 500 } as never),
      /option code of the fault of failNext: it does not exist/,
    ],
    [
      "a filter that is none",
      (fake) => fake.failNext({ status: 500 }, { plural: "pods" } as never),
      /option plural of failNext/,
    ],
    [
      "no times",
      (fake) => fake.failNext({ status: 500 }, { times: 0 }),
      /option times of failNext/,
    ],
  ])("rejects %s", (_what, act, message) => {
    expect(() => act(start())).toThrow(message);
  });

  test("connect() rejects options of connections", async () => {
    const error = await rejection(start().connect({ http: "sockets" } as never));
    expect(String(error)).toMatch(/option http of connect of a fake cluster: it does not exist/);
  });
});

describe("rotate()", () => {
  test("replaces CA and token, and no request fails", async () => {
    const events: ReanchorEvent[] = [];
    const fake = start({ objects: [aMap("a")] });
    const kube = await fake.connect({ onEvent: (event) => events.push(event) });
    await kube.resource(ConfigMap).get("a");
    const before = kube.status().ca?.fingerprint;
    await fake.rotate();
    await kube.resource(ConfigMap).get("a");
    expect(kube.status().ca?.fingerprint).not.toBe(before);
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["ca-reloaded", "token-reloaded", "retry"]),
    );
  });

  test("lets requests wait until publish() if the new CA is published later", async () => {
    const fake = start({ objects: [aMap("a")] });
    const events: string[] = [];
    const kube = await fake.connect({ onEvent: ({ type }) => void events.push(type) });
    await kube.resource(ConfigMap).get("a");
    await fake.rotate({ publish: false });
    const getting = kube.resource(ConfigMap).get("a");
    await expect.poll(() => events, { timeout: 30_000 }).toContain("waiting-for-trust");
    await fake.publish();
    expect((await getting).metadata.name).toBe("a");
  });
});

describe("close()", () => {
  test("ends clients, watches and requests, and leaves no timer", async () => {
    const clock = new ManualClock();
    const fake = createFakeCluster({ clock });
    const kube = await fake.connect();
    const informer = kube.resource(Deployment).informer();
    await informer.synced();
    expect(fake.openWatches).toHaveLength(1);
    await fake.close();
    expect(kube.status().closed).toBe(true);
    expect(fake.openWatches).toEqual([]);
    await expect.poll(() => clock.pending, { timeout: 30_000 }).toBe(0);
    expect(await rejection(fake.connect())).toMatchObject({ name: "ClosedError" });
    expect(await rejection(fake.fetch("/api"))).toMatchObject({ name: "ClosedError" });
  });
});

describe("what docs/testing.md says that a fake cluster does not do", () => {
  const labels = { app: "web" };
  const containers = [{ name: "main", image: "web" }];
  const web = {
    metadata: { name: "web" },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };

  test("schemas: nothing is defaulted, and no field but metadata is checked", async () => {
    const deployments = (await start().connect()).resource(Deployment);
    const unknown = { ...web, surprise: true };
    const created = await deployments.create(unknown, { fieldValidation: "Strict" });
    expect(created).toMatchObject({ surprise: true });
    expect(created.spec).toEqual(web.spec);
  });

  test("strategic merge patches: they are rejected with 415", async () => {
    const deployments = (await start().connect()).resource(Deployment);
    await deployments.create(web);
    const change = { spec: { replicas: 3 } };
    expect(await rejection(deployments.patch("web", change, { type: "strategic" }))).toMatchObject({
      status: 415,
    });
  });

  test("lists in server-side apply: each has one owner", async () => {
    const deployments = (await start().connect()).resource(Deployment);
    await deployments.apply(web, { fieldManager: "one" });
    const side = structuredClone(web);
    side.spec.template.spec.containers = [{ name: "side", image: "side" }];
    const error = await rejection(deployments.apply(side, { fieldManager: "two" }));
    expect(error).toMatchObject({ name: "ApplyConflictError" });
  });

  test("controllers: no pods are made, and what an object owns is left", async () => {
    const fake = start();
    const kube = await fake.connect();
    const { metadata } = await kube.resource(Deployment).create(web);
    const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "web", uid: metadata.uid };
    await kube.resource(ConfigMap).create({ metadata: { name: "a", ownerReferences: [owner] } });
    await kube.resource(Deployment).delete("web", { propagationPolicy: "Background" });
    expect(fake.objects(Pod)).toEqual([]);
    expect(fake.object(ConfigMap, "a")).toBeDefined();
  });

  test("exec, attach, port-forward, copy and proxy: there are none", async () => {
    const fake = start();
    fake.put(Pod, { metadata: { name: "web" }, spec: { containers } });
    const kube = await fake.connect();
    const pods = kube.resource(Pod);
    for (const streaming of [
      pods.execText("web", ["true"]),
      pods.attach("web"),
      pods.portForward("web", 80).then(async (tunnel) => await tunnel.connect()),
      pods.readFile("web", "/etc/hosts"),
    ]) {
      expect(await rejection(streaming)).toBeInstanceOf(Error);
    }
    for (const subresource of ["exec", "attach", "portforward", "proxy"]) {
      const path = `/api/v1/namespaces/default/pods/web/${subresource}`;
      expect((await kube.fetch(path)).status).toBe(404);
    }
  });

  test("table(): it has the name and the creation time", async () => {
    const kube = await start({ objects: [aMap("a")] }).connect();
    const { columnDefinitions, rows } = await kube.resource(ConfigMap).table();
    expect(columnDefinitions.map(({ name }) => name)).toEqual(["Name", "Created At"]);
    expect(rows[0]?.cells[0]).toBe("a");
  });

  test("the table has these rows", async () => {
    const page = await readFile(new URL("../../../docs/testing.md", import.meta.url), "utf8");
    const [, table = ""] = page.split("| | in a fake cluster |\n|---|---|\n");
    const rows = Array.from(table.matchAll(/^\| ([^|]*) \|/gm), ([, row]) => row);
    expect(rows).toEqual([
      "schemas",
      "lists in server-side apply",
      "strategic merge patches",
      "content types",
      "versions",
      "controllers",
      "authentication",
      "authorization",
      "exec, attach, port-forward, copy, proxy",
      "`table()`",
      "connections",
    ]);
  });
});
