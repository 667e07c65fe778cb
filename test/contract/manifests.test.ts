/**
 * Manifests, applied, compared, pruned and deleted as a set. `test/e2e/manifests.test.ts` does the same at
 * kube-apiserver, beside kubectl.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../src/index.ts";
import {
  type ApplyManifestsOptions,
  type ManifestResult,
  ManifestsFailedError,
  UnknownKindError,
  applyManifests,
  applySetId,
  deleteManifests,
  diffManifests,
  formatDiff,
  readManifests,
} from "../../src/manifests/index.ts";
import { DEFAULT_KINDS, type KindDefinition } from "../../src/testing/model/served-kinds.ts";
import type { ServeOptions } from "../support/api-server.ts";
import { entry } from "./support/entry.ts";
import { connectQuickly, connectQuicklyTo } from "./support/quickly.ts";
import { rejection, startCluster, until } from "./support/scene.ts";
import { ways } from "./support/ways.ts";
import { aCrd } from "../support/crds.ts";

const kinds: readonly KindDefinition[] = [
  ...DEFAULT_KINDS,
  { group: "", version: "v1", kind: "Secret", plural: "secrets", namespaced: true },
  {
    group: "apiextensions.k8s.io",
    version: "v1",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    namespaced: false,
    custom: false,
  },
];

const gadget: KindDefinition = {
  group: "example.com",
  version: "v1",
  kind: "Gadget",
  plural: "gadgets",
  namespaced: true,
};

const crd = aCrd("Gadget");

const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } };

type AnObject = { apiVersion: string; kind: string; metadata: { name: string } };

function aMap(name: string, colour = "blue"): AnObject & { data: object } {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { colour } };
}

function anObject(kind: string, name: string, apiVersion = "example.com/v1"): AnObject {
  return { apiVersion, kind, metadata: { name } };
}

function actions(results: readonly ManifestResult[]): string[] {
  return results.map(({ action, kind, name }) => `${action} ${kind} ${name}`);
}

describe.each(ways)("manifests over $way", ({ http2, settings }) => {
  async function start(fakeApi: ServeOptions["fakeApi"] = {}) {
    const cluster = await startCluster({ fakeApi: { kinds, ...fakeApi }, http2 });
    const { origin: server } = cluster.server;
    const config = { server, ca: entry.staticCaSource(cluster.ca.pem) };
    const client = await connectQuickly({ config, ...settings, fieldManager: "me" });
    return { ...client, fake: cluster.server.fake };
  }

  type Fake = Awaited<ReturnType<typeof start>>["fake"];

  /** Serves a kind once its definition has been applied, shortly after the definition is established. */
  async function establish(fake: Fake): Promise<void> {
    const stored = async (): Promise<boolean> =>
      (await fake.objects("customresourcedefinitions")).length > 0;
    await until("the definition is stored", stored);
    const [object] = await fake.objects("customresourcedefinitions");
    const conditions = [{ type: "Established", status: "True" }];
    await fake.put("customresourcedefinitions", { ...object, status: { conditions } });
    const asked = async (): Promise<boolean> =>
      (await fake.requests()).some(({ path }) => path.endsWith("/gadgets/one"));
    await until("the custom resource is applied too early", asked);
    await fake.addKind(gadget);
  }

  test("applyManifests() reports what it created, changed and left unchanged", async () => {
    const { kube } = await start();
    const objects = readManifests(
      JSON.stringify({ apiVersion: "v1", kind: "List", items: [aMap("a"), aMap("b")] }),
    );
    expect(actions(await applyManifests(kube, objects))).toEqual([
      "created ConfigMap a",
      "created ConfigMap b",
    ]);
    const dry = await applyManifests(kube, [aMap("a"), aMap("b", "red"), aMap("c")], {
      dryRun: true,
    });
    const real = await applyManifests(kube, [aMap("a"), aMap("b", "red"), aMap("c")]);
    expect(actions(real)).toEqual([
      "unchanged ConfigMap a",
      "changed ConfigMap b",
      "created ConfigMap c",
    ]);
    expect(actions(dry)).toEqual(actions(real));
    expect(real[1]).toMatchObject({ namespace: "default", object: { data: { colour: "red" } } });
  });

  test("applyManifests() applies in Helm's order, stage by stage, and reports each object", async () => {
    const { kube, fake } = await start();
    const objects = [
      anObject("Widget", "w"),
      aMap("a"),
      aMap("b"),
      anObject("Pod", "p", "v1"),
      namespace,
    ];
    const seen: string[] = [];
    const results = await applyManifests(kube, objects, {
      onProgress: ({ kind }) => seen.push(kind),
    });
    expect(results.map(({ kind }) => kind)).toEqual([
      "Widget",
      "ConfigMap",
      "ConfigMap",
      "Pod",
      "Namespace",
    ]);
    expect(seen).toEqual(["Namespace", "ConfigMap", "ConfigMap", "Pod", "Widget"]);
    const written = (await fake.requests()).filter(({ method }) => method === "PATCH");
    expect(written.map(({ plural }) => plural)).toEqual([
      "namespaces",
      "configmaps",
      "configmaps",
      "pods",
      "widgets",
    ]);
  });

  test("applyManifests() applies no more objects at once than its limit allows", async () => {
    const { kube, fake } = await start();
    const objects = Array.from({ length: 6 }, (_, index) => aMap(`m${index}`));
    await fake.faults.next({ verb: "patch", name: "m0" }, { delayMs: 200 });
    const seen: string[] = [];
    await applyManifests(kube, objects, {
      concurrency: 1,
      onProgress: ({ name }) => seen.push(name),
    });
    expect(seen).toEqual(["m0", "m1", "m2", "m3", "m4", "m5"]);
    await fake.faults.next({ verb: "patch", name: "m0" }, { delayMs: 200 });
    const beside: string[] = [];
    await applyManifests(kube, objects, { onProgress: ({ name }) => beside.push(name) });
    expect(beside.at(-1)).toBe("m0");
  });

  test("applyManifests() waits for a CustomResourceDefinition, and until its kind is served", async () => {
    const { kube, fake } = await start();
    const [results] = await Promise.all([
      applyManifests(kube, [anObject("Gadget", "one"), crd]),
      establish(fake),
    ]);
    expect(actions(results)).toEqual([
      "created Gadget one",
      "created CustomResourceDefinition gadgets.example.com",
    ]);
    expect(await fake.objects("gadgets")).toHaveLength(1);
  });

  test("applyManifests() fails for a CustomResourceDefinition whose names are taken", async () => {
    const { kube, fake } = await start();
    const applied = rejection(applyManifests(kube, [crd]));
    const stored = async (): Promise<boolean> =>
      (await fake.objects("customresourcedefinitions")).length > 0;
    await until("the definition is stored", stored);
    const conditions = [{ type: "NamesAccepted", status: "False", message: "gadgets is taken" }];
    await fake.put("customresourcedefinitions", { ...crd, status: { conditions } });
    expect(String(await applied)).toContain("gadgets is taken");
  });

  test("applyManifests() looks again for a kind that the server did not serve", async () => {
    const { kube, fake } = await start();
    await kube.discover();
    await fake.addKind(gadget);
    expect(actions(await applyManifests(kube, [anObject("Gadget", "one")]))).toEqual([
      "created Gadget one",
    ]);
    expect(
      (await kube.discover()).find({ apiVersion: "example.com/v1", kind: "Gadget" })?.plural,
    ).toBe("gadgets");
    expect(
      (await kube.discover()).find({ apiVersion: "example.com/v2", kind: "Gadget" }),
    ).toBeUndefined();
  });

  test("applyManifests() repeats discovery if it failed once", async () => {
    const { kube, fake } = await start();
    await fake.faults.next({}, { status: 500 });
    const error = await rejection(
      applyManifests(kube, [aMap("a"), anObject("Widget", "w")], { concurrency: 1 }),
    );
    expect(actions((error as ManifestsFailedError).results)).toEqual([
      "failed ConfigMap a",
      "created Widget w",
    ]);
  });

  test("applyManifests() applies what it can, and then reports every failure", async () => {
    const { kube, fake } = await start();
    await fake.faults.next({ verb: "patch", name: "b" }, { status: 403 });
    const objects = [
      aMap("a"),
      aMap("b"),
      anObject("Nothing", "n", "example.com/v9"),
      anObject("Widget", "w"),
    ];
    const error = await rejection(applyManifests(kube, objects));
    expect(error).toBeInstanceOf(ManifestsFailedError);
    const { results, failures, message } = error as ManifestsFailedError;
    expect(actions(results)).toEqual([
      "created ConfigMap a",
      "failed ConfigMap b",
      "failed Nothing n",
      "created Widget w",
    ]);
    const hostile = anObject("Nothing\u001b[2J\u202e", "n", "example.com/v9");
    expect((await rejection(applyManifests(kube, [hostile]))) as Error).toMatchObject({
      message: expect.not.stringMatching(/[\p{Cc}\p{Cf}]/u),
    });
    expect(message).toMatch(
      /^Cannot apply 2 of 4 objects: ConfigMap default\/b: Cannot PATCH .*; Nothing n: Cannot find the kind/,
    );
    expect(failures[1]?.error).toBeInstanceOf(UnknownKindError);
    expect(JSON.stringify(error)).not.toContain("managedFields");
  });

  test("applyManifests() takes over fields of other managers only by force", async () => {
    const { kube } = await start();
    await applyManifests(kube, [aMap("a")], { fieldManager: "other" });
    const error = (await rejection(
      applyManifests(kube, [aMap("a", "red")]),
    )) as ManifestsFailedError;
    expect(error.failures[0]?.error).toMatchObject({ name: "ApplyConflictError" });
    const forced = await applyManifests(kube, [aMap("a", "red")], { force: true });
    expect(forced[0]?.action).toBe("changed");
  });

  test.each<[what: string, objects: unknown, message: RegExp]>([
    [
      "an object without a kind",
      [{ apiVersion: "v1" }],
      /^Cannot apply object 1 of the set: it has no kind$/,
    ],
    [
      "one without a name",
      [aMap("a"), anObject("Widget", undefined as never)],
      /object 2 of the set: it has no metadata\.name/,
    ],
    [
      "one that was read",
      [{ ...aMap("a"), metadata: { name: "a", managedFields: [{}] } }],
      /it was read from the server/,
    ],
    ["a name that leads elsewhere", [aMap("../x")], /Cannot use name/],
    [
      "one that is there twice",
      [aMap("a"), { ...aMap("a"), metadata: { name: "a", namespace: "default" } }],
      /ConfigMap a is in the set twice, as objects 1 and 2/,
    ],
    [
      "a text",
      "kind: x",
      /Cannot apply a string: pass what readManifests\(\) returns|object 1 of the set: it is a string/,
    ],
    ["no set", undefined, /Cannot apply undefined: pass what/],
  ])("applyManifests() rejects %s before it sends anything", async (_what, objects, message) => {
    const { kube, fake } = await start();
    const error = await rejection(applyManifests(kube, objects as KubeObject[]));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(message);
    expect(await fake.requests()).toEqual([]);
  });

  test("applyManifests() rejects options that do not exist, and an apply without a field manager", async () => {
    const cluster = await startCluster({ fakeApi: { kinds }, http2 });
    const { kube } = await connectQuicklyTo(cluster, settings);
    for (const [options, message] of [
      [{}, /without a field manager/],
      [{ dry: true }, /option dry of applyManifests/],
      [{ fieldManager: "me", concurrency: 0 }, /option concurrency/],
      [{ fieldManager: "me", prune: true }, /option prune/],
      [{ fieldManager: "me", prune: { applySet: { name: "a" } } }, /namespace of applySet/],
    ] as const) {
      await expect(
        applyManifests(kube, [aMap("a")], options as ApplyManifestsOptions),
      ).rejects.toThrow(message);
    }
    expect(await cluster.server.fake.requests()).toEqual([]);
  });

  test("applyManifests() ends at once if it is aborted, or if its listener throws", async () => {
    const { kube, fake } = await start();
    const objects = Array.from({ length: 5 }, (_, index) => aMap(`m${index}`));
    const reason = new Error("enough");
    const abort = new AbortController();
    const aborted = applyManifests(kube, objects, {
      concurrency: 1,
      signal: abort.signal,
      onProgress: () => abort.abort(reason),
    });
    expect(await rejection(aborted)).toBe(reason);
    const thrown = applyManifests(kube, objects, {
      concurrency: 1,
      onProgress() {
        throw reason;
      },
    });
    expect(await rejection(thrown)).toBe(reason);
    expect(await fake.objects("configmaps")).toHaveLength(1);
  });

  test("applyManifests() reports in a dry run what can't be validated yet", async () => {
    const { kube, fake } = await start();
    const results = await applyManifests(kube, [crd, anObject("Gadget", "one")], { dryRun: true });
    expect(results).toMatchObject([
      { action: "created" },
      { action: "created", unchecked: "its kind would be created by the same set" },
    ]);
    expect(await fake.objects("customresourcedefinitions")).toEqual([]);
  });

  test("diffManifests() shows what would change", async () => {
    const { kube, fake } = await start();
    await applyManifests(kube, [aMap("a"), aMap("b")]);
    const secret = { ...anObject("Secret", "s", "v1"), stringData: { password: "hush" } };
    const before = await fake.revision();
    const diffs = await diffManifests(kube, [aMap("a"), aMap("b", "red"), secret]);
    expect(diffs.map(({ action }) => action)).toEqual(["unchanged", "changed", "created"]);
    expect(diffs[1]?.changes).toEqual([{ path: "data.colour", before: "blue", after: "red" }]);
    const text = formatDiff(diffs);
    expect(text).toContain(
      '~ ConfigMap default/b\n    data.colour: "blue" -> "red"\n+ Secret default/s\n',
    );
    expect(text).not.toContain("hush");
    const hostile = { ...aMap("c", "\u001b[2J\u202e"), metadata: { name: "c", labels: {} } };
    const strange = await diffManifests(kube, [hostile]);
    expect(formatDiff(strange)).toContain(String.raw`data.colour: "\u001b[2J\u202e"`);
    expect(await fake.revision()).toBe(before);
  });

  const prune = { applySet: { name: "shop", namespace: "default" } };

  async function names(fake: Fake, plural = "configmaps"): Promise<(string | undefined)[]> {
    return (await fake.objects(plural)).map(({ metadata }) => metadata.name);
  }

  test("applyManifests() prunes the objects that left its ApplySet, in all its namespaces", async () => {
    const { kube, fake } = await start();
    await fake.put("configmaps", aMap("foreign"));
    const south = { ...aMap("b"), metadata: { name: "b", namespace: "south" } };
    await applyManifests(kube, [aMap("a"), south, anObject("Widget", "w"), namespace], { prune });
    const [parent] = await fake.objects("secrets");
    const id = await applySetId(prune.applySet);
    expect(parent?.metadata).toMatchObject({
      labels: { "applyset.kubernetes.io/id": id },
      annotations: {
        "applyset.kubernetes.io/contains-group-kinds": "ConfigMap,Namespace,Widget.example.com",
        "applyset.kubernetes.io/additional-namespaces": "south",
      },
    });
    const dry = await applyManifests(kube, [aMap("a")], { prune, dryRun: true });
    expect(actions(dry)).toEqual([
      "unchanged ConfigMap a",
      "pruned Widget w",
      "pruned ConfigMap b",
      "pruned Namespace default",
    ]);
    expect(await names(fake)).toEqual(["a", "foreign", "b"]);
    const results = await applyManifests(kube, [aMap("a")], { prune });
    expect(actions(results)).toEqual(actions(dry));
    expect(await names(fake)).toEqual(["a", "foreign"]);
    const deletions = (await fake.requests()).filter(
      ({ method, query, body }) =>
        method === "DELETE" &&
        !JSON.stringify(body ?? {}).includes("All") &&
        query["dryRun"] === undefined,
    );
    for (const { body } of deletions)
      expect(body).toMatchObject({ preconditions: { uid: expect.any(String) } });
    expect((await fake.objects("secrets"))[0]?.metadata.annotations).toMatchObject({
      "applyset.kubernetes.io/contains-group-kinds": "ConfigMap",
      "applyset.kubernetes.io/additional-namespaces": "",
    });
  });

  test("applyManifests() prunes nothing if an object failed, and forgets no member", async () => {
    const { kube, fake } = await start();
    await applyManifests(kube, [aMap("a"), anObject("Widget", "w")], { prune });
    await fake.faults.next({ verb: "patch", name: "a" }, { status: 403 });
    await rejection(applyManifests(kube, [aMap("a")], { prune }));
    expect(await names(fake, "widgets")).toEqual(["w"]);
    await fake.faults.next({ verb: "delete" }, { status: 403 });
    const error = await rejection(applyManifests(kube, [aMap("a")], { prune }));
    expect(String(error)).toContain("Cannot prune 1 of 2 objects: Widget default/w");
    expect(actions(await applyManifests(kube, [aMap("a")], { prune }))).toEqual([
      "unchanged ConfigMap a",
      "pruned Widget w",
    ]);
  });

  test("applyManifests() prunes later what a failed apply had added", async () => {
    const { kube, fake } = await start();
    await applyManifests(kube, [aMap("a")], { prune });
    await fake.faults.next({ verb: "patch", name: "a" }, { status: 403 });
    await rejection(applyManifests(kube, [aMap("a"), anObject("Widget", "w")], { prune }));
    expect(await names(fake, "widgets")).toEqual(["w"]);
    const results = await applyManifests(kube, [aMap("a")], { prune });
    expect(actions(results)).toEqual(["unchanged ConfigMap a", "pruned Widget w"]);
  });

  test.each<[whose: string, annotations: Record<string, string> | undefined, reason: string]>([
    [
      "another tool's",
      { "applyset.kubernetes.io/tooling": "kubectl/v1.32.4" },
      '"kubectl" manages it',
    ],
    ["nobody's", undefined, "it exists and has no annotation"],
    [
      "a tool's of a similar name",
      { "applyset.kubernetes.io/tooling": "reanchor/fork/v1" },
      '"reanchor/fork" manages it',
    ],
    [
      "its own but for the label",
      { "applyset.kubernetes.io/tooling": "reanchor/v0.1.0" },
      "its label",
    ],
  ])("applyManifests() does not touch a parent that is %s", async (_whose, annotations, reason) => {
    const { kube, fake } = await start();
    await fake.put("secrets", { metadata: { name: "shop", ...(annotations && { annotations }) } });
    const error = await rejection(applyManifests(kube, [aMap("a")], { prune }));
    expect(error).toMatchObject({ name: "ConfigError", message: expect.stringContaining(reason) });
    expect(await names(fake)).toEqual([]);
  });

  test("applyManifests() prunes nothing for an empty set, and no members of another set", async () => {
    const { kube } = await start();
    await expect(applyManifests(kube, [], { prune })).rejects.toThrow("no object is applied");
    expect(await applyManifests(kube, [])).toEqual([]);
    const labels = { "applyset.kubernetes.io/part-of": "other" };
    const labelled = { ...aMap("a"), metadata: { name: "a", labels } };
    await expect(applyManifests(kube, [labelled], { prune })).rejects.toThrow("part-of already");
  });

  test("applySetId() is the identity of KEP-3659", async () => {
    // What kubectl computes for --applyset=theirs and --applyset=configmaps/theirs in the namespace default.
    const secret = await applySetId({ name: "theirs", namespace: "default" });
    const map = await applySetId({ name: "theirs", namespace: "default", kind: "ConfigMap" });
    expect([secret, map]).toEqual([
      "applyset-13oNViOkMznJeWoJhzX_Nb40hBAgcf2lMTetE6tsH18-v1",
      "applyset-tV1CLClOywp1a_5QFy2Gy_6yVLkQLhuui3fxGHeojDc-v1",
    ]);
  });

  test("deleteManifests() deletes in reverse order, waits, and reports missing objects", async () => {
    const { kube, fake } = await start();
    const held = { ...aMap("held"), metadata: { name: "held", finalizers: ["example.com/hold"] } };
    const objects = [
      namespace,
      held,
      anObject("Widget", "w"),
      aMap("none"),
      anObject("Nothing", "n", "example.com/v9"),
    ];
    await fake.put("namespaces", namespace);
    await fake.put("configmaps", held);
    await fake.put("widgets", anObject("Widget", "w"));
    const deleting = deleteManifests(kube, objects);
    const marked = async (): Promise<boolean> =>
      (await fake.objects("configmaps"))[0]?.metadata.deletionTimestamp !== undefined;
    await until("the held object is marked", marked);
    expect(await names(fake, "namespaces")).toEqual(["default"]);
    await fake.remove("configmaps", "default", "held");
    expect(actions(await deleting)).toEqual([
      "deleted Namespace default",
      "deleted ConfigMap held",
      "deleted Widget w",
      "missing ConfigMap none",
      "missing Nothing n",
    ]);
    const deleted = (await fake.requests()).filter(({ method }) => method === "DELETE");
    // Without it, kube-apiserver leaves the pods of a Job running.
    for (const { body } of deleted) {
      expect(body).toMatchObject({ propagationPolicy: "Background" });
    }
    expect(deleted.map(({ plural }) => plural)).toEqual([
      "widgets",
      "configmaps",
      "configmaps",
      "namespaces",
    ]);
  });

  test("deleteManifests() keeps what a failed object may depend on", async () => {
    const { kube, fake } = await start();
    await fake.put("namespaces", namespace);
    await fake.put("configmaps", aMap("a"));
    await fake.faults.next({ verb: "delete", name: "a" }, { status: 403 });
    const error = (await rejection(
      deleteManifests(kube, [namespace, aMap("a")]),
    )) as ManifestsFailedError;
    expect(actions(error.results)).toEqual(["failed Namespace default", "failed ConfigMap a"]);
    expect(error.message).toContain("Namespace default: it was left alone");
    expect(await names(fake, "namespaces")).toEqual(["default"]);
    expect(actions(await deleteManifests(kube, [namespace, aMap("a")], { dryRun: true }))).toEqual([
      "deleted Namespace default",
      "deleted ConfigMap a",
    ]);
    expect(await names(fake)).toEqual(["a"]);
  });
});
