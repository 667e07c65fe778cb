import { describe, expect, test } from "vitest";
import { type Discovery, askKinds } from "../../../src/resources/discovery.ts";
import { ConnectionError } from "../../../src/errors.ts";
import { createScriptedClient, refused } from "../support/scripted-client.ts";

interface Told {
  readonly discovery: Discovery;
  readonly paths: string[];
}

/** Runs discovery at a server with the given documents. */
async function ask(documents: Readonly<Record<string, object>>): Promise<Told> {
  const client = createScriptedClient();
  const paths: string[] = [];
  const discovery = await askKinds({
    ...client,
    async call<T>(call: Parameters<typeof client.call>[0]): Promise<T> {
      paths.push(call.path);
      client.answer(documents[call.path] ?? refused(404, "NotFound"));
      return await client.call<T>(call);
    },
  });
  return { discovery, paths };
}

const pods = {
  resource: "pods",
  responseKind: { group: "", version: "", kind: "Pod" },
  scope: "Namespaced",
  singularResource: "pod",
  verbs: ["get", "list", "watch"],
  shortNames: ["po"],
  subresources: [
    { subresource: "log", responseKind: null, verbs: ["get"] },
    { subresource: "status", responseKind: null, verbs: ["get"] },
  ],
};

function resource(plural: string, kind: string, more: object = {}): object {
  return {
    ...pods,
    resource: plural,
    responseKind: { kind },
    singularResource: "",
    shortNames: [],
    ...more,
  };
}

const aggregated = {
  "/api": {
    kind: "APIGroupDiscoveryList",
    items: [
      {
        metadata: { creationTimestamp: null },
        versions: [
          { version: "v1", freshness: "Current", resources: [pods, resource("events", "Event")] },
        ],
      },
    ],
  },
  "/apis": {
    kind: "APIGroupDiscoveryList",
    items: [
      {
        metadata: { name: "events.k8s.io" },
        versions: [{ version: "v1", resources: [resource("events", "Event")] }],
      },
      {
        metadata: { name: "example.com" },
        versions: [
          { version: "v2", resources: [resource("widgets", "Widget", { scope: "Cluster" })] },
          { version: "v1", resources: [resource("widgets", "Widget")] },
        ],
      },
      {
        metadata: { name: "metrics.k8s.io" },
        versions: [{ version: "v1beta1", freshness: "Stale" }],
      },
    ],
  },
};

const old = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/apis": {
    kind: "APIGroupList",
    groups: [
      {
        name: "apps",
        versions: [{ groupVersion: "apps/v1", version: "v1" }],
        preferredVersion: { groupVersion: "apps/v1", version: "v1" },
      },
      {
        name: "metrics.k8s.io",
        versions: [{ groupVersion: "metrics.k8s.io/v1beta1", version: "v1beta1" }],
      },
    ],
  },
  "/api/v1": {
    kind: "APIResourceList",
    resources: [
      {
        name: "pods",
        singularName: "",
        namespaced: true,
        kind: "Pod",
        verbs: ["get"],
        shortNames: ["po"],
      },
      { name: "pods/log", singularName: "", namespaced: true, kind: "Pod", verbs: ["get"] },
      { name: "nodes", singularName: "node", namespaced: false, kind: "Node", verbs: ["get"] },
    ],
  },
  "/apis/apps/v1": {
    kind: "APIResourceList",
    resources: [
      {
        name: "deployments",
        singularName: "deployment",
        namespaced: true,
        kind: "Deployment",
        verbs: ["get"],
        shortNames: ["deploy"],
      },
      {
        name: "deployments/scale",
        singularName: "",
        namespaced: true,
        kind: "Scale",
        group: "autoscaling",
        version: "v1",
        verbs: ["get"],
      },
    ],
  },
  "/apis/metrics.k8s.io/v1beta1": refused(503, "ServiceUnavailable"),
};

describe("discovery", () => {
  test("takes two requests", async () => {
    const { discovery, paths } = await ask(aggregated);
    expect(paths).toEqual(["/api", "/apis"]);
    expect(discovery.find("Pod")).toMatchObject({
      group: "",
      version: "v1",
      kind: "Pod",
      plural: "pods",
      namespaced: true,
      subresources: ["log", "status"],
      verbs: ["get", "list", "watch"],
    });
  });

  test("lists the groups that the server could not describe", async () => {
    expect((await ask(aggregated)).discovery.missing).toEqual(["metrics.k8s.io/v1beta1"]);
    expect((await ask(old)).discovery.missing).toEqual(["metrics.k8s.io/v1beta1"]);
  });

  test("works with servers that have one document per version", async () => {
    const { discovery, paths } = await ask(old);
    expect(paths).toContain("/apis/apps/v1");
    expect(discovery.kinds.map(({ kind }) => kind)).toEqual(["Pod", "Node", "Deployment"]);
    expect(discovery.find("deploy")).toMatchObject({ group: "apps", subresources: ["scale"] });
    expect(discovery.find("po")).toMatchObject({ subresources: ["log"], namespaced: true });
    expect(discovery.find("node")).toMatchObject({ namespaced: false });
  });

  test.each([
    ["Pod", "", "v1"],
    ["pods", "", "v1"],
    ["pod", "", "v1"],
    ["po", "", "v1"],
    ["events", "", "v1"],
    ["events.events.k8s.io", "events.k8s.io", "v1"],
    ["Event.events.k8s.io", "events.k8s.io", "v1"],
    ["widget", "example.com", "v2"],
    ["WIDGETS.example.com", "example.com", "v2"],
  ])("finds %s", async (name, group, version) => {
    const { discovery } = await ask(aggregated);
    expect(discovery.find(name)).toMatchObject({ group, version });
  });

  test("does not find what does not exist", async () => {
    const { discovery } = await ask(aggregated);
    expect(discovery.find("nodes")).toBeUndefined();
    expect(discovery.find("pods.example.com")).toBeUndefined();
  });

  test("marks the version of each kind that the server prefers", async () => {
    const { discovery } = await ask(aggregated);
    const preferred = discovery.kinds.filter((kind) => kind.preferred);
    expect(preferred.map(({ group, version, plural }) => `${plural}.${version}.${group}`)).toEqual([
      "pods.v1.",
      "events.v1.",
      "events.v1.events.k8s.io",
      "widgets.v2.example.com",
    ]);
    expect(discovery.kinds.map(({ preferred: isFirst }) => isFirst)).toContain(false);
  });

  test("returns kinds that a client can use", async () => {
    const { discovery } = await ask(aggregated);
    const client = createScriptedClient();
    client.answer({ items: [], metadata: { resourceVersion: "1" } });
    await discovery.find("widgets")?.bind(client, {}).list();
    expect(client.requests).toMatchObject([{ path: "/apis/example.com/v2/widgets" }]);
  });

  test("treats null as empty, as Go writes empty lists, and skips entries that are not kinds", async () => {
    const odd = [null, 7, [], "x", {}, { resource: "nameless" }, { responseKind: { kind: "X" } }];
    const { discovery: fromOne } = await ask({
      "/api": { items: null },
      "/apis": {
        items: [
          null,
          { metadata: null, versions: null },
          { metadata: { name: "a.b" }, versions: [null, { version: "v1", resources: null }] },
          {
            metadata: { name: "example.com" },
            versions: [
              {
                version: "v1",
                resources: [
                  ...odd,
                  resource("widgets", "Widget", {
                    verbs: null,
                    shortNames: null,
                    singularResource: null,
                    subresources: [null, {}, { subresource: "scale" }],
                  }),
                ],
              },
            ],
          },
        ],
      },
    });
    expect(fromOne.kinds).toMatchObject([
      { kind: "Widget", verbs: [], shortNames: [], singular: "widget", subresources: ["scale"] },
    ]);
    const { discovery: fromMany } = await ask({
      ...old,
      "/apis": { groups: [...old["/apis"].groups, null, { name: "none", versions: null }] },
      "/apis/apps/v1": { resources: null },
      "/apis/metrics.k8s.io/v1beta1": {
        resources: [...odd, { name: "nodes", kind: "NodeMetrics", verbs: null, shortNames: null }],
      },
    });
    expect(fromMany.missing).toEqual([]);
    expect(fromMany.kinds.map(({ kind }) => kind)).toEqual(["Pod", "Node", "NodeMetrics"]);
    expect(fromMany.kinds[2]).toMatchObject({ verbs: [], shortNames: [] });
    expect(fromMany.find("pods")).toBeDefined();
  });

  test.each([
    ["null", null],
    ["a list", []],
    ["a text", "x"],
  ])(
    "reports a missing group if its document is %s, and throws if the first document is",
    async (_what, answer) => {
      const broken = { ...old, "/apis/apps/v1": answer as object };
      const client = createScriptedClient();
      const documents: Readonly<Record<string, unknown>> = { ...broken };
      const asked = async (more: Readonly<Record<string, unknown>>): Promise<Discovery> =>
        await askKinds({
          ...client,
          async call<T>({ path }: { path: string }): Promise<T> {
            const found = { ...documents, ...more }[path];
            if (path === "/apis/metrics.k8s.io/v1beta1") throw new ConnectionError("unused");
            return found as T;
          },
        });
      const groups = { groups: old["/apis"].groups.slice(0, 1) };
      expect((await asked({ "/apis": groups })).missing).toEqual(["apps/v1"]);
      await expect(asked({ "/apis": answer })).rejects.toThrow(/Cannot discover kinds at \/apis: /);
    },
  );

  test("throws if the server can't be reached", async () => {
    const broken = { ...old, "/apis/apps/v1": new ConnectionError("Cannot connect") };
    await expect(ask(broken)).rejects.toThrow(ConnectionError);
    await expect(ask({})).rejects.toMatchObject({ status: 404 });
  });
});
