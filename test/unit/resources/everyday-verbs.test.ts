/**
 * The verbs of everyday work, against a model of the API server.
 *
 * @module
 */

import { describe, expect, expectTypeOf, test } from "vitest";
import { ApiError, type KubeClient, TimeoutError } from "../../../src/index.ts";
import {
  CertificateSigningRequest,
  ConfigMap,
  DaemonSet,
  Deployment,
  DrainError,
  type DrainProgress,
  Node,
  Pod,
  RolloutError,
  ServiceAccount,
  StatefulSet,
} from "../../../src/resources/index.ts";
import type { FakeApi } from "../../../src/testing/model/fake-api.ts";
import type { KindDefinition } from "../../../src/testing/model/served-kinds.ts";
import type { ApiObject, StoredObject } from "../../../src/testing/model/objects.ts";
import * as support from "../../support/rejection.ts";
import { connectFake } from "../support/fake-cluster.ts";

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return (await support.rejection(promise)) as Error;
}

const node: KindDefinition = {
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  namespaced: false,
};
const apps: readonly KindDefinition[] = (
  [
    ["ReplicaSet", "replicasets"],
    ["StatefulSet", "statefulsets"],
    ["DaemonSet", "daemonsets"],
    ["ControllerRevision", "controllerrevisions"],
  ] as const
).map(([kind, plural]) => ({ group: "apps", version: "v1", kind, plural, namespaced: true }));

function templateOf(image: string): ApiObject {
  return {
    metadata: { labels: { app: "web" } },
    spec: { containers: [{ name: "main", image }] },
  };
}

function aWorkload(image: string, spec: object = {}): ApiObject {
  const selector = { matchLabels: { app: "web" } };
  return {
    metadata: { name: "web" },
    spec: { replicas: 1, selector, template: templateOf(image), ...spec },
  };
}

function ownedBy({ metadata, kind }: StoredObject): object[] {
  return [{ apiVersion: "apps/v1", kind, name: "web", uid: metadata.uid, controller: true }];
}

describe("find()", () => {
  test("returns the object, or undefined if none has that name", async () => {
    const { kube, api } = await connectFake();
    api.put("configmaps", { metadata: { name: "a" } });
    const maps = kube.resource(ConfigMap);
    expect((await maps.find("a"))?.metadata.name).toBe("a");
    expect(await maps.find("b")).toBeUndefined();
  });

  test("throws an ApiError if the server does not know the kind, or returns another object", async () => {
    const { kube } = await connectFake();
    expect(await rejection(kube.resource(StatefulSet).find("a"))).toMatchObject({ status: 404 });
    const details = { name: "default", kind: "namespaces" };
    const status = { kind: "Status", status: "Failure", reason: "NotFound", code: 404, details };
    const other = await connectFake([], () => Response.json(status, { status: 404 }));
    expect(await rejection(other.kube.resource(ConfigMap).find("a"))).toBeInstanceOf(ApiError);
  });
});

describe("update()", () => {
  test("changes the object, and tries again if it has been written meanwhile", async () => {
    const { kube, api } = await connectFake();
    const maps = kube.resource(ConfigMap);
    await maps.create({ metadata: { name: "a" }, data: { count: "1" } });
    let calls = 0;
    const updated = await maps.update("a", async (map) => {
      calls += 1;
      if (calls < 3)
        api.put("configmaps", { ...map, data: { count: String(calls * 10) } } as never);
      map.data = { count: String(Number(map.data?.["count"]) + 1) };
    });
    expect(calls).toBe(3);
    expect(updated.data).toEqual({ count: "21" });
  });

  test("throws a TypeError if the callback returns something else, and writes nothing", async () => {
    const { kube, api } = await connectFake();
    const maps = kube.resource(ConfigMap);
    await maps.create({ metadata: { name: "a" } });
    for (const [value, is] of [
      ["blue", "a string"],
      [true, "a boolean"],
      [[], "an array"],
    ] as const) {
      const error = await rejection(maps.update("a", () => value as never));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toBe(
        `Cannot update ConfigMap default/a: the change returned ${is}; return the object, or nothing after changing it`,
      );
    }
    expect(api.requests.map(({ method }) => method)).not.toContain("PUT");
  });

  test("accepts a returned object, and keeps the version that was read", async () => {
    const { kube, api } = await connectFake();
    const maps = kube.resource(ConfigMap);
    const { metadata } = await maps.create({ metadata: { name: "a" } });
    await maps.update("a", () => ({ metadata: { name: "a" }, data: { colour: "blue" } }));
    expect(api.requests.at(-1)?.body).toMatchObject({
      metadata: { resourceVersion: metadata.resourceVersion },
    });
  });

  test("throws the conflict of the tenth try, and at once what the callback throws", async () => {
    const { kube, api } = await connectFake();
    const maps = kube.resource(ConfigMap);
    await maps.create({ metadata: { name: "a" } });
    let calls = 0;
    const error = await rejection(
      maps.update("a", (map) => {
        calls += 1;
        api.put("configmaps", { ...map, data: { calls: String(calls) } } as never);
      }),
    );
    expect(error).toMatchObject({ status: 409, reason: "Conflict" });
    expect(calls).toBe(10);
    const own = new Error("no");
    const thrown = maps.update("a", () => {
      throw own;
    });
    expect(await rejection(thrown)).toBe(own);
    expect(await rejection(maps.update("b", () => {}))).toMatchObject({ status: 404 });
  });
});

describe("metadata", () => {
  test("gets, lists, watches and caches only metadata", async () => {
    const { kube, api } = await connectFake();
    const { metadata } = kube.resource(ConfigMap);
    api.put("configmaps", {
      metadata: { name: "a", labels: { app: "web" } },
      data: { a: "b" },
    });
    const got = await metadata.get("a");
    expect(got).not.toHaveProperty("data");
    expect(got).toMatchObject({
      kind: "PartialObjectMetadata",
      metadata: { labels: { app: "web" } },
    });
    const { items } = await metadata.list({ labelSelector: { app: "web" } });
    expect(items).toHaveLength(1);
    expect(items[0]).not.toHaveProperty("data");
    await using informer = metadata.informer();
    await informer.synced();
    expect(informer.list()[0]).not.toHaveProperty("data");
    for await (const event of metadata.watch()) {
      if (event.type === "synced") break;
      expect(event.object).not.toHaveProperty("data");
    }
    for (const { headers } of api.requests)
      expect(headers["accept"]).toContain("PartialObjectMetadata");
  });

  test("removes the rest if a server sends whole objects", async () => {
    const whole = {
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: { name: "a" },
      data: { a: "b" },
    };
    const { kube } = await connectFake([], () => whole);
    expect(await kube.resource(ConfigMap).metadata.get("a")).toEqual({
      kind: "PartialObjectMetadata",
      apiVersion: "meta.k8s.io/v1",
      metadata: { name: "a" },
    });
  });
});

test("table() returns the server's columns and rows", async () => {
  const { kube, api } = await connectFake();
  api.put("configmaps", { metadata: { name: "a" } });
  const { columnDefinitions, rows } = await kube.resource(ConfigMap).table();
  expect(columnDefinitions[0]?.name).toBe("Name");
  expect(rows[0]?.cells[0]).toBe("a");
  const plain = await connectFake([], () => ({ kind: "ConfigMapList", metadata: {}, items: [] }));
  const error = await rejection(plain.kube.resource(ConfigMap).table());
  expect(error.message).toContain("the server sent none; list the objects instead");
});

test("watch() without the initial list emits only changes", async () => {
  const { kube, api } = await connectFake();
  api.put("configmaps", { metadata: { name: "a" } });
  const events: string[] = [];
  for await (const event of kube.resource(ConfigMap).watch({ initial: false })) {
    events.push(event.type);
    if (event.type === "synced") api.put("configmaps", { metadata: { name: "a" }, data: {} });
    if (events.length === 2) break;
  }
  expect(events).toEqual(["synced", "modified"]);
  expect(() => kube.resource(ConfigMap).watch({ initial: false, resourceVersion: "1" })).toThrow(
    /Cannot use option initial with resourceVersion/,
  );
});

describe("subresources", () => {
  test("have their own paths, and the types of their kinds", async () => {
    const paths: string[] = [];
    const { kube } = await connectFake([], ({ method, path, body }) => {
      const { kind } = JSON.parse(body) as { kind?: string };
      paths.push(`${method} ${path.split("/v1/")[1]} ${kind}`);
      return { kind, status: { token: "s3same" } };
    });
    const pods = kube.resource(Pod);
    await pods.resize.patch("a", { spec: {} });
    await pods.ephemeralcontainers.patch("a", { spec: {} });
    await pods.binding.create("a", { target: { kind: "Node", name: "b" } });
    const csrs = kube.resource(CertificateSigningRequest);
    await csrs.approval.patch("a", { status: {} });
    const tokens = kube.resource(ServiceAccount).token;
    const { status } = await tokens.create("a", { spec: { audiences: [] } });
    expectTypeOf(status?.token).toEqualTypeOf<string | undefined>();
    expect(paths).toEqual([
      "PATCH namespaces/default/pods/a/resize undefined",
      "PATCH namespaces/default/pods/a/ephemeralcontainers undefined",
      "POST namespaces/default/pods/a/binding Binding",
      "PATCH certificatesigningrequests/a/approval undefined",
      "POST namespaces/default/serviceaccounts/a/token TokenRequest",
    ]);
  });
});

describe("can() and whoAmI()", () => {
  test("ask the server", async () => {
    const specs: unknown[] = [];
    const { kube } = await connectFake([], ({ body }) => {
      const { spec } = JSON.parse(body) as { spec?: unknown };
      if (spec === undefined) return { status: { userInfo: { username: "me", groups: ["g"] } } };
      specs.push(spec);
      return { status: { allowed: specs.length === 1 } };
    });
    expect(await kube.can({ verb: "get", resource: "deployments.apps", name: "web" })).toBe(true);
    expect(await kube.can({ verb: "list", resource: Node })).toBe(false);
    expect(
      await kube.can({ verb: "create", resource: Pod, subresource: "exec", namespace: "*" }),
    ).toBe(false);
    expect(await kube.can({ verb: "get", path: "/healthz" })).toBe(false);
    expect(specs).toEqual([
      {
        resourceAttributes: {
          verb: "get",
          group: "apps",
          resource: "deployments",
          name: "web",
          namespace: "default",
        },
      },
      { resourceAttributes: { verb: "list", group: "", version: "v1", resource: "nodes" } },
      {
        resourceAttributes: {
          verb: "create",
          group: "",
          version: "v1",
          resource: "pods",
          subresource: "exec",
        },
      },
      { nonResourceAttributes: { verb: "get", path: "/healthz" } },
    ]);
    expect(await kube.whoAmI()).toEqual({
      username: "me",
      uid: undefined,
      groups: ["g"],
      extra: {},
    });
    expect(await rejection(kube.can({ verb: "", resource: Pod }))).toBeInstanceOf(TypeError);
  });

  test("can() rejects a resource with a subresource in its name, which no rule would allow", async () => {
    const { kube } = await connectFake();
    for (const resource of ["pods/log", "deployments.apps/web"]) {
      const error = await rejection(kube.can({ verb: "get", resource }));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(`"${resource}" has a slash`);
    }
  });
});

describe("top()", () => {
  const usage = { cpu: "500m", memory: "64Mi" };

  test("returns the usage of pods and nodes, in numbers", async () => {
    const { kube, api } = await connectFake([node], ({ path }) => {
      if (!path.startsWith("/apis/metrics.k8s.io/v1beta1/")) return undefined;
      const containers = [
        { name: "main", usage },
        { name: "side", usage: { cpu: "250m", memory: "1Mi" } },
      ];
      const metadata = { name: "a", namespace: "default" };
      const item = path.includes("/nodes") ? { metadata, usage } : { metadata, containers };
      return { kind: "List", metadata: {}, items: [item] };
    });
    const allocatable = { cpu: "2", memory: "128Mi" };
    api.put("nodes", { metadata: { name: "a" }, status: { allocatable } });
    const [pod] = await kube.resource(Pod).top();
    expect(pod).toMatchObject({
      namespace: "default",
      name: "a",
      cpuCores: 0.75,
      memoryBytes: 65 * 1024 ** 2,
    });
    expect(pod?.containers[1]).toEqual({ name: "side", cpuCores: 0.25, memoryBytes: 1024 ** 2 });
    expect(await kube.resource(Node).top()).toEqual([
      {
        name: "a",
        cpuCores: 0.5,
        memoryBytes: 64 * 1024 ** 2,
        cpuFraction: 0.25,
        memoryFraction: 0.5,
      },
    ]);
  });
});

describe("rollouts", () => {
  test("restart() changes an annotation of the pod template, unless the rollout is paused", async () => {
    const { kube, api } = await connectFake(apps);
    api.put("deployments", aWorkload("web:1"));
    const deployments = kube.resource(Deployment);
    const { spec } = await deployments.restart("web");
    const restartedAt = spec?.template.metadata?.annotations?.["kubectl.kubernetes.io/restartedAt"];
    expect(Number.isNaN(Date.parse(restartedAt ?? ""))).toBe(false);
    api.put("deployments", aWorkload("web:1", { paused: true }));
    const error = await rejection(deployments.restart("web"));
    expect(error).toBeInstanceOf(RolloutError);
    expect(error.message).toBe(
      "Cannot restart Deployment default/web: its rollout is paused; set spec.paused to false first",
    );
  });

  test("undo() of a Deployment returns to the template and annotations of an earlier ReplicaSet", async () => {
    const { kube, api } = await connectFake(apps);
    const revision = "deployment.kubernetes.io/revision";
    const stored = api.put("deployments", {
      ...aWorkload("web:3"),
      metadata: { name: "web", annotations: { [revision]: "3", note: "third" } },
    });
    for (const number of [1, 2, 3]) {
      const template = templateOf(`web:${number}`) as { metadata: { labels: object } };
      template.metadata.labels = { app: "web", "pod-template-hash": `h${number}` };
      api.put("replicasets", {
        metadata: {
          name: `web-${number}`,
          labels: { app: "web" },
          annotations: { [revision]: String(number), note: `n${number}` },
          ownerReferences: ownedBy(stored),
        },
        spec: { template },
      });
    }
    const deployments = kube.resource(Deployment);
    const undone = await deployments.undo("web");
    expect(undone.spec?.template).toEqual(templateOf("web:2"));
    expect(undone.metadata.annotations).toEqual({ [revision]: "3", note: "n2" });
    const first = await deployments.undo("web", { toRevision: 1 });
    expect(first.spec?.template.spec?.containers[0]?.image).toBe("web:1");
    const before = api.requests.length;
    await deployments.undo("web", { toRevision: 1 });
    expect(api.requests.slice(before).map(({ method }) => method)).toEqual(["GET", "GET"]);
    const error = await rejection(deployments.undo("web", { toRevision: 9 }));
    expect(error).toBeInstanceOf(RolloutError);
    expect(error.message).toContain("there is no revision 9; there are 1, 2, 3");
    expect(await rejection(deployments.undo("web", { toRevision: 0 }))).toBeInstanceOf(RangeError);
  });

  test.each([
    ["a StatefulSet", StatefulSet, "statefulsets"],
    ["a DaemonSet", DaemonSet, "daemonsets"],
  ] as const)("undo() of %s sends the patch of a ControllerRevision", async (_, kind, plural) => {
    const patches: unknown[] = [];
    const { kube, api } = await connectFake(apps, ({ method, body }) => {
      if (method !== "PATCH") return undefined;
      patches.push(JSON.parse(body));
      return { metadata: { name: "web" } };
    });
    const stored = api.put(plural, aWorkload("web:2"));
    for (const revision of [1, 2]) {
      const data = { spec: { template: { ...templateOf(`web:${revision}`), $patch: "replace" } } };
      api.put("controllerrevisions", {
        metadata: {
          name: `web-${revision}`,
          labels: { app: "web" },
          ownerReferences: ownedBy(stored),
        },
        revision,
        data,
      });
    }
    const workloads = kube.resource(kind as typeof StatefulSet);
    await workloads.undo("web");
    expect(patches).toEqual([
      { spec: { template: { ...templateOf("web:1"), $patch: "replace" } } },
    ]);
    await workloads.undo("web", { toRevision: 2 });
    expect(patches).toHaveLength(1);
  });

  test("undo() without a history throws an error that says so", async () => {
    const { kube, api } = await connectFake(apps);
    api.put("statefulsets", aWorkload("web:1"));
    expect((await rejection(kube.resource(StatefulSet).undo("web"))).message).toBe(
      "Cannot undo StatefulSet default/web: it has no earlier revision",
    );
  });

  test("rolledOut() waits, and reports its progress", async () => {
    const { kube, api } = await connectFake(apps);
    api.put("deployments", {
      ...aWorkload("web:1", { replicas: 3 }),
      status: { observedGeneration: 9 },
    });
    const progress: string[] = [];
    const waiting = kube.resource(Deployment).rolledOut("web", {
      onProgress(text) {
        progress.push(text);
        const status = {
          observedGeneration: 9,
          replicas: 3,
          updatedReplicas: 3,
          availableReplicas: 3,
        };
        api.put("deployments", { ...aWorkload("web:1", { replicas: 3 }), status });
      },
    });
    await waiting;
    expect(progress).toEqual(["0 of 3 replicas are updated"]);
  });
});

describe("cordon() and uncordon()", () => {
  test("set and remove spec.unschedulable", async () => {
    const { kube, api } = await connectFake([node]);
    api.put("nodes", { metadata: { name: "a" }, spec: {} });
    const nodes = kube.resource(Node);
    expect((await nodes.cordon("a")).spec).toEqual({ unschedulable: true });
    expect((await nodes.uncordon("a")).spec).toEqual({});
  });
});

describe("drain()", () => {
  function aPodOn(name: string, more: Record<string, unknown> = {}): ApiObject {
    const { metadata, spec, ...rest } = more as { metadata?: object; spec?: object };
    const owner = [
      { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "u", controller: true },
    ];
    return {
      metadata: { name, ownerReferences: owner, ...metadata },
      spec: { nodeName: "a", containers: [], ...spec },
      status: { phase: "Running" },
      ...rest,
    };
  }
  const ofDaemonSet = {
    metadata: {
      ownerReferences: [
        { apiVersion: "apps/v1", kind: "DaemonSet", name: "agent", uid: "d", controller: true },
      ],
    },
  };
  const unmanaged = { metadata: { ownerReferences: [] } };
  const local = { spec: { volumes: [{ name: "v", emptyDir: {} }] } };

  /** Ends pods as a kubelet does, until the client is closed. */
  async function endPods(kube: KubeClient, api: FakeApi): Promise<void> {
    try {
      for await (const event of kube.resource(Pod, { namespace: "*" }).watch()) {
        if (event.type !== "modified") continue;
        const { name, namespace, deletionTimestamp } = event.object.metadata;
        if (deletionTimestamp !== undefined) api.remove("pods", namespace, name);
      }
    } catch {
      // The client was closed.
    }
  }

  async function start() {
    const { kube, api } = await connectFake([node, ...apps]);
    api.put("nodes", { metadata: { name: "a" } });
    api.put("daemonsets", { metadata: { name: "agent" } });
    const names = (): string[] => api.objects("pods").map(({ metadata }) => metadata.name);
    void endPods(kube, api);
    return { api, nodes: kube.resource(Node), names };
  }

  test("waits for a pod that has lost the label by which it was selected", async () => {
    const { kube, api } = await connectFake([node, ...apps]);
    api.put("nodes", { metadata: { name: "a" } });
    const labels = { app: "web" };
    api.put("pods", aPodOn("web", { metadata: { labels, finalizers: ["example.com/kept"] } }));
    const relabel = async (): Promise<void> => {
      for await (const { type, object } of kube.resource(Pod).watch() as AsyncIterable<{
        type: string;
        object: StoredObject;
      }>) {
        if (type !== "modified" || object.metadata.deletionTimestamp === undefined) continue;
        api.put("pods", { ...object, metadata: { ...object.metadata, labels: {} } });
        return;
      }
    };
    const relabelled = relabel();
    const drained = kube.resource(Node).drain("a", { labelSelector: labels, timeoutMs: 4_000 });
    const error = await rejection(drained);
    await relabelled;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toContain("default/web");
  });

  test("evicts the pods of a node, but not those of other nodes or of DaemonSets, or static pods", async () => {
    const { api, nodes, names } = await start();
    api.put("pods", aPodOn("web"));
    api.put("pods", aPodOn("finished", { ...unmanaged, ...local, status: { phase: "Succeeded" } }));
    api.put("pods", aPodOn("agent-1", ofDaemonSet));
    api.put(
      "pods",
      aPodOn("static", { metadata: { annotations: { "kubernetes.io/config.mirror": "x" } } }),
    );
    api.put("pods", aPodOn("elsewhere", { spec: { nodeName: "b" } }));
    const progress: DrainProgress[] = [];
    const result = await nodes.drain("a", {
      ignoreDaemonSets: true,
      onProgress: (step) => progress.push(step),
    });
    expect(result.drained.toSorted()).toEqual(["default/finished", "default/web"]);
    expect(result.skipped.map(({ name }) => name)).toEqual(["agent-1", "static"]);
    expect(names()).toEqual(["agent-1", "elsewhere", "static"]);
    expect((await nodes.get("a")).spec).toEqual({ unschedulable: true });
    expect(progress.map(({ type, name }) => `${type} ${name}`).toSorted()).toEqual([
      "evicting finished",
      "evicting web",
      "gone finished",
      "gone web",
      "skipped agent-1",
      "skipped static",
    ]);
    expect(progress.at(-1)?.remaining).toBe(0);
  });

  test.each([
    ["ignoreDaemonSets", "agent-1", ofDaemonSet, "its DaemonSet would start it again"],
    ["deleteEmptyDirData", "local", local, "it has emptyDir data, which would be lost"],
    ["force", "bare", unmanaged, "no controller manages it"],
    [
      "force",
      "orphan",
      {
        metadata: {
          ownerReferences: [{ ...ofDaemonSet.metadata.ownerReferences[0], name: "gone" }],
        },
      },
      "its DaemonSet gone does not exist",
    ],
  ])(
    "evicts nothing if a pod needs %s, and evicts it with that option",
    async (option, name, more, reason) => {
      const { api, nodes, names } = await start();
      api.put("pods", aPodOn("web"));
      api.put("pods", aPodOn(name, more));
      const error = await rejection(nodes.drain("a"));
      expect(error).toBeInstanceOf(DrainError);
      expect(error.message).toContain(`Cannot drain Node a: default/${name}: ${reason}`);
      expect(error.message).toContain(option);
      expect(error).toMatchObject({ pods: [{ namespace: "default", name }] });
      expect(names().toSorted()).toEqual([name, "web"].toSorted());
      await nodes.drain("a", { [option]: true });
      expect(names()).toEqual(option === "ignoreDaemonSets" ? [name] : []);
    },
  );

  test("waits for a disruption budget, and says so when its time is over", async () => {
    const { api, nodes } = await start();
    api.put("pods", aPodOn("web"));
    api.protectPod("web");
    const steps: string[] = [];
    const error = await rejection(
      nodes.drain("a", { timeoutMs: 300, onProgress: ({ type }) => steps.push(type) }),
    );
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toBe(
      "Cannot drain Node a: 300 ms have passed (timeoutMs); these pods are still there: default/web",
    );
    expect(steps).toEqual(["evicting", "blocked"]);
    await nodes.drain("a", { disableEviction: true });
  });

  test("changes nothing on a dry run, and ends at once by its signal", async () => {
    const { api, nodes, names } = await start();
    api.put("pods", aPodOn("web"));
    const { drained } = await nodes.drain("a", { dryRun: true });
    expect(drained).toEqual(["default/web"]);
    expect(names()).toEqual(["web"]);
    expect((await nodes.get("a")).spec?.unschedulable).toBeUndefined();
    api.protectPod("web");
    const stop = new AbortController();
    const reason = new Error("stop");
    const draining = nodes.drain("a", {
      signal: stop.signal,
      onProgress: ({ type }) => void (type === "blocked" && stop.abort(reason)),
    });
    expect(await rejection(draining)).toBe(reason);
  });

  test("throws what its progress function throws", async () => {
    const { api, nodes } = await start();
    api.put("pods", aPodOn("web"));
    const own = new Error("no");
    const draining = nodes.drain("a", {
      onProgress() {
        throw own;
      },
    });
    expect(await rejection(draining)).toBe(own);
  });
});
