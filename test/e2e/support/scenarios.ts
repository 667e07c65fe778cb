/**
 * Requests to an API server, used to compare the model with the real one.
 *
 * @module
 */

/** An API server of either kind. */
export interface Api {
  /** The namespace that is used. */
  readonly namespace: string;
  /**
   * Sends a request and records the response.
   *
   * @param path of the core group's objects in the namespace, as in `configmaps/a`, or an absolute path
   * @returns the answer's body
   */
  send(method: string, path: string, body?: unknown, options?: SendOptions): Promise<Answer>;
}

/** The options of a request. */
export interface SendOptions {
  /** @default the usual type of the method; a merge patch for PATCH */
  readonly type?: string;
  /** The body, if it is not JSON. */
  readonly text?: string;
}

/** The part of a response that is used. */
export interface Answer {
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly continue?: string;
  };
  readonly [field: string]: unknown;
}

const APPLY: SendOptions = { type: "application/apply-patch+yaml" };
const JSON_PATCH: SendOptions = { type: "application/json-patch+json" };
const MAPS = "configmaps";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/{namespace}/deployments";
const WIDGETS = "/apis/example.com/v1/namespaces/{namespace}/widgets";

function map(name: string, data: object = {}, metadata: object = {}): Record<string, unknown> {
  const content = Object.keys(data).length === 0 ? {} : { data };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, ...content };
}

function deployment(name: string, spec: object = {}): Record<string, unknown> {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "web" }] } };
  const selector = { matchLabels: labels };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: { replicas: 1, selector, template, ...spec },
  };
}

function widget(name: string, spec: object = { size: 1 }): Record<string, unknown> {
  return { apiVersion: "example.com/v1", kind: "Widget", metadata: { name }, spec };
}

/** A sequence of requests. */
export type Scenario = (api: Api) => Promise<void>;

/** All scenarios, by topic. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  async "an object's life"({ send }) {
    const first = await send("POST", MAPS, map("a", { colour: "blue" }));
    await send("GET", `${MAPS}/a`);
    await send("PUT", `${MAPS}/a`, map("a", { colour: "red" }));
    await send("PUT", `${MAPS}/a`, { ...first, data: { colour: "green" } });
    await send("PUT", `${MAPS}/a`, map("a", { colour: "red" }));
    await send("PATCH", `${MAPS}/a`, { data: { size: "big", colour: null } });
    await send("PATCH", `${MAPS}/a`, { data: { size: "big" } });
    await send("PATCH", `${MAPS}/a`, [{ op: "remove", path: "/data/size" }], JSON_PATCH);
    await send("PATCH", `${MAPS}/a`, [{ op: "test", path: "/data/size", value: "x" }], JSON_PATCH);
    await send("PATCH", `${MAPS}/a`, {
      metadata: { resourceVersion: first.metadata?.resourceVersion },
    });
    await send("PATCH", `${MAPS}/a`, { metadata: { labels: { tier: "web" } } });
    await send("DELETE", `${MAPS}/a`);
    await send("GET", `${MAPS}/a`);
    await send("DELETE", `${MAPS}/a`);
    await send("PATCH", `${MAPS}/a`, { data: {} });
    await send("PUT", `${MAPS}/a`, map("a"));
  },

  async "objects that can't be created"({ send }) {
    await send("POST", MAPS, map("a"));
    await send("POST", MAPS, map("a"));
    await send("POST", MAPS, { metadata: {} });
    await send("POST", MAPS, map("A_b"));
    await send("POST", MAPS, map("b", {}, { namespace: "elsewhere" }));
    await send("POST", MAPS, map("b", {}, { resourceVersion: "1" }));
    await send("POST", MAPS, { ...map("b"), kind: "Secret" });
    await send("POST", MAPS, { ...map("b"), apiVersion: "v2" });
    await send("POST", MAPS, { metadata: { generateName: "gen-" } });
    await send("POST", MAPS, undefined, { text: "{" });
    await send("POST", `${MAPS}/b`, map("b"));
    await send("POST", `/apis/apps/v1/deployments`, deployment("b"));
    await send(
      "POST",
      MAPS,
      map("b", {}, { uid: "mine", creationTimestamp: "2020-01-01T00:00:00Z", generation: 7 }),
    );
  },

  async "updates that are refused"({ send }) {
    const a = await send("POST", MAPS, map("a"));
    await send("PUT", `${MAPS}/a`, map("b"));
    await send("PUT", `${MAPS}/a`, map("a", {}, { uid: "other" }));
    await send("PUT", `${MAPS}/a`, map("a", {}, { namespace: "elsewhere" }));
    await send("PUT", MAPS, map("a"));
    await send("PATCH", `${MAPS}/a`, {}, { type: "application/json" });
    await send("PATCH", `${MAPS}/a`, [], { type: "application/merge-patch+json" });
    await send("PATCH", `${MAPS}/a`, {}, JSON_PATCH);
    await send("PATCH", `${MAPS}/a`, { metadata: { name: "b" } });
    await send("PATCH", `${MAPS}/a`, { metadata: { uid: "other" } });
    await send("PATCH", `${MAPS}/a`, { metadata: { generation: 9, creationTimestamp: null } });
    await send("PATCH", MAPS, {});
    await send("DELETE", "/api/v1/configmaps");
    await send("GET", "bars");
    await send("GET", `${MAPS}/a/status`);
    await send("PUT", `${MAPS}/a`, { ...a, metadata: { ...a.metadata, resourceVersion: "x" } });
  },

  async "dry runs"({ send }) {
    const dry = "?dryRun=All";
    await send("POST", `${MAPS}${dry}`, map("a"));
    await send("GET", `${MAPS}/a`);
    await send("POST", MAPS, map("a", { x: "1" }));
    await send("PUT", `${MAPS}/a${dry}`, map("a", { x: "2" }));
    await send("PATCH", `${MAPS}/a${dry}`, { data: { x: "2" } });
    await send("PATCH", `${MAPS}/a${dry}&fieldManager=me`, map("a", { y: "3" }), APPLY);
    await send("DELETE", `${MAPS}/a${dry}`);
    await send("DELETE", `${MAPS}${dry}`);
    await send("GET", `${MAPS}/a`);
    await send("PATCH", `${MAPS}/a?dryRun=Some`, { data: {} });
  },

  async "server-side apply"({ send }) {
    const apply = (manager: string, data: object, more = ""): Promise<Answer> =>
      send("PATCH", `${MAPS}/a?fieldManager=${manager}${more}`, map("a", data), APPLY);
    await apply("me", { x: "1" });
    await apply("me", { x: "1" });
    await apply("me", { x: "2" });
    await apply("me", { x: "3" });
    await apply("me", { x: "4", y: "1" });
    await apply("you", { y: "1" });
    await apply("you", { y: "2" });
    await apply("you", { x: "5", y: "2" });
    await apply("me", { x: "4" });
    await apply("you", { y: "2" });
    await apply("you", { x: "5", y: "2" }, "&force=true");
    await apply("me", { z: "1" });
    await apply("you", {});
    await apply("me", {});
  },

  async "apply beside updates"({ send }) {
    const apply = (manager: string, data: object, more = ""): Promise<Answer> =>
      send("PATCH", `${MAPS}/a?fieldManager=${manager}${more}`, map("a", data), APPLY);
    await send("POST", `${MAPS}?fieldManager=me`, map("a", { x: "1", y: "1" }));
    await apply("me", { x: "1" });
    await apply("me", { x: "2" });
    await apply("me", { x: "2" }, "&force=true");
    await apply("me", { x: "3" });
    await send("PATCH", `${MAPS}/a?fieldManager=me`, { data: { x: "4" } });
    await apply("me", { x: "5" });
    await send("PATCH", `${MAPS}/a?fieldManager=them`, { metadata: { labels: { a: "b" } } });
    await send("PUT", `${MAPS}/a?fieldManager=us`, map("a", { x: "4" }));
  },

  async "apply that is refused"({ send }) {
    await send("PATCH", `${MAPS}/a`, map("a"), APPLY);
    await send("PATCH", `${MAPS}/a?fieldManager=me`, map("b"), APPLY);
    await send("PATCH", `${MAPS}/a?fieldManager=me`, { metadata: { name: "a" } }, APPLY);
    await send("PATCH", `${MAPS}/a?fieldManager=me`, map("a", {}, { managedFields: [] }), APPLY);
    await send(
      "PATCH",
      `${MAPS}/a?fieldManager=me`,
      map("a", {}, { managedFields: [{ manager: "x" }] }),
      APPLY,
    );
    await send("PATCH", `${MAPS}/c?fieldManager=me`, map("c", {}, { resourceVersion: "1" }), APPLY);
    await send("PATCH", `${MAPS}/d?fieldManager=me`, map("d", {}, { uid: "x" }), APPLY);
  },

  async finalizers({ send }) {
    await send("POST", MAPS, map("a", {}, { finalizers: ["example.com/hold"] }));
    await send("DELETE", `${MAPS}/a`);
    await send("DELETE", `${MAPS}/a`);
    await send("POST", MAPS, map("a"));
    await send("PATCH", `${MAPS}/a`, { data: { x: "1" } });
    await send("PATCH", `${MAPS}/a`, {
      metadata: { finalizers: ["example.com/hold", "example.com/more"] },
    });
    await send("PATCH", `${MAPS}/a`, { metadata: { finalizers: null } });
    await send("GET", `${MAPS}/a`);
    await send("POST", MAPS, map("b", {}, { finalizers: ["hold"] }));
  },

  async deletions({ send }) {
    const a = await send("POST", MAPS, map("a"));
    const { uid, resourceVersion } = a.metadata ?? {};
    await send("DELETE", `${MAPS}/a`, { preconditions: { uid: "other" } });
    await send("DELETE", `${MAPS}/a`, { preconditions: { resourceVersion: "1" } });
    await send("DELETE", `${MAPS}/a`, { propagationPolicy: "Sideways" });
    await send("DELETE", `${MAPS}/a`, { preconditions: { uid, resourceVersion } });
    await send("POST", MAPS, map("b"));
    await send("DELETE", `${MAPS}/b`, { propagationPolicy: "Background" });
    await send("POST", MAPS, map("e"));
    await send("DELETE", `${MAPS}/e`, { gracePeriodSeconds: 5 });
    await send("DELETE", `${MAPS}/e`, { gracePeriodSeconds: -1 });
  },

  async "deletions of many"({ send }) {
    for (const name of ["a", "b", "c"]) {
      await send("POST", MAPS, map(name, {}, { labels: { at: name } }));
    }
    await send("DELETE", `${MAPS}?labelSelector=at%3Da`);
    await send("DELETE", `${MAPS}?labelSelector=at%20in%20(b)`, { preconditions: { uid: "x" } });
    await send("DELETE", `${MAPS}?fieldSelector=metadata.name%3Dc`);
    await send("DELETE", MAPS);
    await send("GET", MAPS);
  },

  async lists({ send }) {
    for (const name of ["a", "b", "c", "d", "e"]) {
      await send("POST", MAPS, map(name, {}, { labels: { at: name, all: "yes" } }));
    }
    await send("GET", MAPS);
    const page = await send("GET", `${MAPS}?limit=2`);
    const rest = page.metadata?.continue;
    const next = await send("GET", `${MAPS}?limit=2&continue=${rest}`);
    await send("GET", `${MAPS}?limit=2&continue=${next.metadata?.continue}`);
    await send("GET", `${MAPS}?continue=${rest}`);
    await send("GET", `${MAPS}?limit=1&labelSelector=all%3Dyes`);
    await send("GET", `${MAPS}?limit=2&resourceVersion=0`);
    await send("GET", `${MAPS}?continue=!!!`);
    await send("GET", `${MAPS}?continue=${rest}&resourceVersion=5`);
    await send("GET", `${MAPS}?resourceVersion=x`);
    await send("GET", `${MAPS}?resourceVersionMatch=Exact`);
    await send("GET", `${MAPS}?resourceVersion=0&resourceVersionMatch=Exact`);
    await send("GET", `${MAPS}?resourceVersion=0&resourceVersionMatch=Some`);
    await send("GET", `${MAPS}?sendInitialEvents=true`);
    await send("GET", `${MAPS}?limit=-1`);
    await send("GET", `${MAPS}?limit=x`);
    await send("GET", `${MAPS}?resourceVersion=999999999`);
  },

  async selectors({ send }) {
    await send("POST", MAPS, map("a", {}, { labels: { app: "web", tier: "front" } }));
    await send("POST", MAPS, map("b", {}, { labels: { app: "api" } }));
    await send("POST", MAPS, map("c"));
    const selectors = [
      "app=web",
      "app==web",
      "app!=web",
      "app",
      "!app",
      "app in (web,api)",
      "app notin (web)",
      "app=web,tier=front",
      "app in (web),!tier",
      "app=",
      "",
      "app in ()",
      "app=a b",
      "=web",
      "app in (web",
      "app=web,,tier=front",
      "-app=web",
      "a/b/c=web",
      "size>1",
    ];
    for (const selector of selectors) {
      await send("GET", `${MAPS}?labelSelector=${encodeURIComponent(selector)}`);
    }
    for (const selector of ["metadata.name=a", "metadata.name!=a", "spec.foo=a", "metadata.name"]) {
      for (const kind of [MAPS, "pods", DEPLOYMENTS, WIDGETS]) {
        await send("GET", `${kind}?fieldSelector=${encodeURIComponent(selector)}`);
      }
    }
  },

  async "a built-in kind with a status"({ send }) {
    const created = await send("POST", DEPLOYMENTS, {
      ...deployment("a"),
      status: { replicas: 9 },
    });
    await send("PUT", `${DEPLOYMENTS}/a`, { ...created, status: { replicas: 9 } });
    await send("PATCH", `${DEPLOYMENTS}/a`, { spec: { replicas: 2 } });
    await send("PATCH", `${DEPLOYMENTS}/a`, { metadata: { labels: { a: "b" } } });
    await send("PATCH", `${DEPLOYMENTS}/a/status`, {
      status: { replicas: 1 },
      spec: { replicas: 7 },
    });
    await send("PATCH", `${DEPLOYMENTS}/a/status`, { metadata: { labels: { a: "c" } } });
    await send("GET", `${DEPLOYMENTS}/a/status`);
    await send("GET", `${DEPLOYMENTS}/a/scale`);
    const scale = await send("PATCH", `${DEPLOYMENTS}/a/scale`, { spec: { replicas: 3 } });
    await send("PUT", `${DEPLOYMENTS}/a/scale`, { ...scale, spec: { replicas: 4 } });
    await send("PUT", `${DEPLOYMENTS}/a/scale`, { ...scale, spec: { replicas: 5 } });
    await send("PATCH", `${DEPLOYMENTS}/a/scale`, { spec: { replicas: -1 } });
    await send("GET", `${DEPLOYMENTS}/a`);
    await send("GET", DEPLOYMENTS);
    await send("DELETE", `${DEPLOYMENTS}/a`);
    await send("GET", `${DEPLOYMENTS}/a/scale`);
  },

  async "a custom kind"({ send }) {
    const created = await send("POST", WIDGETS, { ...widget("a"), status: { ready: true } });
    await send("GET", WIDGETS);
    await send("PUT", `${WIDGETS}/a`, widget("a", { size: 2 }));
    await send("PUT", `${WIDGETS}/a`, { ...created, spec: { size: 2 }, status: { ready: true } });
    await send("PATCH", `${WIDGETS}/a/status`, { status: { replicas: 2 }, spec: { size: 3 } });
    await send("PATCH", `${WIDGETS}/a`, { spec: { replicas: 1 } });
    await send("PATCH", `${WIDGETS}/a`, { metadata: { labels: { a: "b" } } });
    await send("GET", `${WIDGETS}/a/scale`);
    await send("PATCH", `${WIDGETS}/a/scale`, { spec: { replicas: 3 } });
    await send("PATCH", `${WIDGETS}/a?fieldManager=me`, widget("a", { size: 5 }), APPLY);
    await send("PATCH", `${WIDGETS}/b?fieldManager=me`, widget("b", { size: 5 }), APPLY);
    await send("PATCH", `${WIDGETS}/b?fieldManager=me`, widget("b", { size: 6 }), APPLY);
    await send("PATCH", `${WIDGETS}/b?fieldManager=me`, widget("b", { size: 7 }), APPLY);
    await send("POST", WIDGETS, { metadata: { name: "c" } });
    await send("POST", WIDGETS, { ...widget("d"), kind: "Gadget" });
    await send("DELETE", `${WIDGETS}/a`);
    await send("DELETE", WIDGETS);
  },

  async pods({ send }) {
    const pod = (name: string, spec: object = {}): object => ({
      metadata: { name },
      spec: { containers: [{ name: "main", image: "web" }], ...spec },
    });
    await send("POST", "pods", pod("a"));
    await send("PATCH", "pods/a/status", { status: { phase: "Running" } });
    await send("GET", "pods?fieldSelector=status.phase%3DRunning");
    await send("GET", "pods?fieldSelector=spec.nodeName%3Dnode-a");
    await send("DELETE", "pods/a");
    await send("POST", "pods", pod("b", { nodeName: "node-a" }));
    await send("DELETE", "pods/b");
    await send("DELETE", "pods/b", { gracePeriodSeconds: 60 });
    await send("DELETE", "pods/b", { gracePeriodSeconds: 5 });
    await send("DELETE", "pods/b", { gracePeriodSeconds: 0 });
    await send("GET", "pods/b");
    await send("POST", "pods/nobody/eviction", { metadata: { name: "nobody" } });
    await send("POST", "pods", pod("c"));
    await send("POST", "pods/c/eviction", {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: "c" },
    });
    await send("GET", "pods/c");
    await send("PUT", "pods/c/eviction", {});
    await send("GET", "pods/c/eviction");
  },

  async watches({ send }) {
    const list = await send("GET", MAPS);
    const from = list.metadata?.resourceVersion ?? "";
    await send("POST", MAPS, map("a", { x: "1" }, { labels: { app: "web" } }));
    await send("PATCH", `${MAPS}/a`, { data: { x: "2" } });
    await send("PATCH", `${MAPS}/a`, { metadata: { labels: { app: "api" } } });
    await send("PATCH", `${MAPS}/a`, { metadata: { labels: { app: "web" } } });
    await send("POST", MAPS, map("b"));
    await send("DELETE", `${MAPS}/a`);
    const watch = `${MAPS}?watch=true&timeoutSeconds=1`;
    await send("GET", `${watch}&resourceVersion=${from}`);
    await send("GET", `${watch}&resourceVersion=${from}&labelSelector=app%3Dweb`);
    await send("GET", `${watch}&resourceVersion=${from}&fieldSelector=metadata.name%3Db`);
    await send("GET", watch);
    await send("GET", `${watch}&resourceVersion=0`);
    await send(
      "GET",
      `${watch}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    );
    await send("GET", `${watch}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`);
    await send("GET", `${watch}&sendInitialEvents=true`);
    await send("GET", `${watch}&resourceVersion=x`);
    await send("GET", `${watch}&resourceVersionMatch=Exact`);
    await send("GET", `${watch}&limit=1&resourceVersion=${from}`);
    await send("GET", `${MAPS}/b?watch=true&timeoutSeconds=1`);
  },
};
