import { describe, expect, test } from "vitest";
import { type Discovery, askKinds } from "../../../src/resources/discovery.ts";
import { ConnectionError } from "../../../src/errors.ts";
import { createScriptedClient, refused } from "../support/scripted-client.ts";

interface Told {
  readonly discovery: Discovery;
  readonly paths: string[];
}

/** Asks a server that has documents at paths. */
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

  test("says which groups the server could not tell about", async () => {
    expect((await ask(aggregated)).discovery.missing).toEqual(["metrics.k8s.io/v1beta1"]);
    expect((await ask(old)).discovery.missing).toEqual(["metrics.k8s.io/v1beta1"]);
  });

  test("works with servers that have a document a version", async () => {
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

  test("does not find what is not there", async () => {
    const { discovery } = await ask(aggregated);
    expect(discovery.find("nodes")).toBeUndefined();
    expect(discovery.find("pods.example.com")).toBeUndefined();
  });

  test("gives kinds that a client can be asked for", async () => {
    const { discovery } = await ask(aggregated);
    const client = createScriptedClient();
    client.answer({ items: [], metadata: { resourceVersion: "1" } });
    await discovery.find("widgets")?.bind(client, {}).list();
    expect(client.requests).toMatchObject([{ path: "/apis/example.com/v2/widgets" }]);
  });

  test("fails where the server can't be asked", async () => {
    const broken = { ...old, "/apis/apps/v1": new ConnectionError("Cannot connect") };
    await expect(ask(broken)).rejects.toThrow(ConnectionError);
    await expect(ask({})).rejects.toMatchObject({ status: 404 });
  });
});
