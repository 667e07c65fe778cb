/**
 * Operations of many requests, which a rotation of the CA or a busy server meets in their middle: their result is the
 * same as without it. `test/e2e/long-operations.test.ts` does the same at kube-apiserver, beside kubectl.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { KubeObject, ReanchorEvent } from "../../src/index.ts";
import { type ManifestResult, applyManifests, deleteManifests } from "../../src/manifests/index.ts";
import { Deployment, type DrainProgress, Node } from "../../src/resources/index.ts";
import { DEFAULT_KINDS, type KindDefinition } from "../../src/testing/model/served-kinds.ts";
import { type TestCa, createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { aPod } from "./support/pods.ts";
import { connectQuickly } from "./support/quickly.ts";
import { createVolume, startCluster, types, until } from "./support/scene.ts";
import { ways } from "./support/ways.ts";
import { aCrd } from "../support/crds.ts";

const crdKind: KindDefinition = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
  custom: false,
};
const nodeKind: KindDefinition = {
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  namespaced: false,
};
const gadgetKind: KindDefinition = {
  group: "example.com",
  version: "v1",
  kind: "Gadget",
  plural: "gadgets",
  namespaced: true,
};
const kinds = [...DEFAULT_KINDS, crdKind, nodeKind];

const crd = aCrd("Gadget");

const REPLICAS = 4;
const SPEC = {
  replicas: REPLICAS,
  selector: { matchLabels: { app: "web" } },
  template: { spec: { containers: [{ name: "main", image: "web" }] } },
};

/** As long as a loaded machine may take, on a clock that is twenty times as fast. */
const LONG_MS = 1_200_000;
/** How many results have come when the disturbance begins. */
const IN_THE_MIDDLE = 5;
/** How many requests of each verb a busy server rejects, with each status. */
const REJECTED = 3;

/** Fifty objects: those of a custom kind can't be applied before its definition is established. */
const objects: readonly SetObject[] = [
  ...many(6, { apiVersion: "example.com/v1", kind: "Gadget", spec: { size: 1 } }),
  ...many(20, { apiVersion: "v1", kind: "ConfigMap", data: { colour: "blue" } }),
  ...many(15, { apiVersion: "apps/v1", kind: "Deployment", spec: { replicas: 2 } }),
  ...many(8, { apiVersion: "example.com/v1", kind: "Widget", spec: { size: 1 } }),
  crd,
];

/** An object without its name. */
interface Content extends Readonly<Record<string, unknown>> {
  readonly apiVersion: string;
  readonly kind: string;
}

type SetObject = KubeObject & Content;

function many(count: number, content: Content): SetObject[] {
  return Array.from({ length: count }, (_, index) => {
    return { ...content, metadata: { name: `${content.kind.toLowerCase()}-${index}` } };
  });
}

function inShort({ action, kind, name }: ManifestResult): string {
  return `${action} ${kind} ${name}`;
}

describe.each(ways)("over $way", ({ http2, settings }) => {
  async function start() {
    const ca = await createCa();
    const { server } = await startCluster({ fakeApi: { kinds }, http2 }, ca);
    const volume = await createVolume({ ca: ca.pem });
    const source = entry.fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
    const { kube, events } = await connectQuickly({
      config: { server: server.origin, ca: source },
      fieldManager: "me",
      timeoutMs: 2 * LONG_MS,
      trustWaitMs: LONG_MS,
      ...settings,
    });
    return { ca, server, fake: server.fake, volume, kube, events };
  }

  type Scene = Awaited<ReturnType<typeof start>>;

  /** What happens in the middle of an operation, and what a client says of it. */
  interface Disturbance {
    readonly what: string;
    readonly happen: (scene: Scene) => Promise<void>;
    readonly expectEvents: (events: readonly ReanchorEvent[]) => void;
  }

  /** Gives the server a certificate of another CA, and ends its connections and watches. */
  async function moveServer({ server, fake }: Scene, next: TestCa): Promise<void> {
    await server.swap({ ...(await next.issue()), forgetSessions: true });
    await server.endConnections();
    await fake.endWatches();
  }

  const disturbances: readonly Disturbance[] = [
    {
      what: "a rotation with overlap",
      async happen(scene) {
        const { ca, volume, kube } = scene;
        const next = await createCa();
        await volume.write({ ca: ca.pem + next.pem });
        await moveServer(scene, next);
        await kube.get("/version");
        await volume.write({ ca: next.pem });
        await kube.get("/version");
      },
      expectEvents(events) {
        expect(types(events).filter((type) => type === "ca-reloaded")).toHaveLength(2);
        expect(types(events)).not.toContain("waiting-for-trust");
      },
    },
    {
      what: "a rotation without overlap",
      async happen(scene) {
        const { kube, volume } = scene;
        const next = await createCa();
        await moveServer(scene, next);
        const failures: unknown[] = [];
        const asked: Promise<unknown>[] = [];
        // Each connection still answers once.
        await until("it waits for trust", () => {
          asked.push(kube.get("/version").catch((error: unknown) => failures.push(error)));
          return kube.status().waitingForTrust.length > 0 || failures.length > 0;
        });
        await volume.write({ ca: next.pem });
        await Promise.all(asked);
        expect(failures).toEqual([]);
      },
      expectEvents(events) {
        const waits = types(events).filter((type) => type.endsWith("-for-trust"));
        expect(waits).toEqual(["waiting-for-trust", "waited-for-trust"]);
      },
    },
    {
      what: "a server that is busy",
      async happen({ fake }) {
        for (const status of [429, 503]) {
          for (const verb of ["get", "patch", "create", "delete", "list", "watch"] as const) {
            await fake.faults.next({ verb }, { status, retryAfterSeconds: 1 }, REJECTED);
          }
        }
        await fake.endWatches();
      },
      expectEvents(events) {
        const retries = events.filter(
          (event) => event.type === "retry" && event.reason === "retry-after",
        );
        expect(retries.length).toBeGreaterThanOrEqual(2 * REJECTED);
      },
    },
  ];
  const nothing = async (): Promise<void> => {};

  /** What a server has stored at the end, apart from what differs in each run. */
  async function stored({ fake }: Scene, plurals: readonly string[]): Promise<unknown[]> {
    const found = await Promise.all(plurals.map(async (plural) => await fake.objects(plural)));
    return found.flat().map(({ metadata, ...object }) => {
      const { uid: _uid, resourceVersion: _version, creationTimestamp: _time, ...own } = metadata;
      const owners = metadata.managedFields?.map((manager) => ({ ...manager, time: "" }));
      return { ...object, metadata: { ...own, managedFields: owners } };
    });
  }

  /** Counts progress, and says when an operation is in its middle, or has ended already. */
  function watchProgress<Step>(at = IN_THE_MIDDLE) {
    const seen: Step[] = [];
    const middle = Promise.withResolvers<void>();
    return {
      seen,
      onProgress(step: Step): void {
        seen.push(step);
        if (seen.length === at) middle.resolve();
      },
      async inTheMiddle(operation: Promise<unknown>): Promise<void> {
        await Promise.race([middle.promise, operation]);
      },
    };
  }

  const plurals = ["configmaps", "customresourcedefinitions", "deployments", "gadgets", "widgets"];

  /** What a set of objects came to; `revision` is the server's from before. */
  async function outcome(
    scene: Scene,
    { results, seen, revision }: { results: string[]; seen: ManifestResult[]; revision: number },
  ) {
    return {
      results,
      seen: seen.map(inShort).toSorted(),
      stored: await stored(scene, plurals),
      writes: (await scene.fake.revision()) - revision,
      events: scene.events,
    };
  }

  /** Runs an operation with a disturbance and without, and expects equal results but for the events. */
  async function withAndWithout<Result extends Pick<Scene, "events">>(
    operate: (happen: Disturbance["happen"]) => Promise<Result>,
    happen: Disturbance["happen"],
  ) {
    const { events, ...disturbed } = await operate(happen);
    const { events: _events, ...plain } = await operate(nothing);
    expect(disturbed).toEqual(plain);
    return { plain, events };
  }

  async function applyAll(happen: Disturbance["happen"]) {
    const scene = await start();
    const { kube, fake } = scene;
    const revision = await fake.revision();
    const { seen, onProgress, inTheMiddle } = watchProgress<ManifestResult>();
    const applying = applyManifests(kube, objects, { timeoutMs: LONG_MS, onProgress });
    await inTheMiddle(applying);
    await happen(scene);
    // The definition is not established before, so the set can't be complete.
    await until("the definition is stored", async () => {
      return (await fake.objects("customresourcedefinitions")).length > 0;
    });
    expect(seen.length).toBeLessThan(objects.length);
    const [definition] = await fake.objects("customresourcedefinitions");
    await fake.addKind(gadgetKind);
    const conditions = [{ type: "Established", status: "True" }];
    await fake.put("customresourcedefinitions", { ...definition, status: { conditions } });
    const results = (await applying).map(inShort);
    return await outcome(scene, { results, seen, revision });
  }

  test.each(disturbances)(
    "applyManifests() of 50 objects has the same result through $what",
    async ({ happen, expectEvents }) => {
      const { plain, events } = await withAndWithout(applyAll, happen);
      expect(plain.results.every((result) => result.startsWith("created"))).toBe(true);
      expectEvents(events);
    },
  );

  async function deleteAll(happen: Disturbance["happen"]) {
    const scene = await start();
    const { kube, fake } = scene;
    await fake.addKind(gadgetKind);
    for (const { kind, apiVersion: _version, ...object } of objects) {
      const isHeld = object.metadata?.name === "configmap-0";
      const metadata = { ...object.metadata, ...(isHeld && { finalizers: ["example.com/hold"] }) };
      await fake.put(`${kind.toLowerCase()}s`, { ...object, metadata } as never);
    }
    const revision = await fake.revision();
    const { seen, onProgress, inTheMiddle } = watchProgress<ManifestResult>();
    const deleting = deleteManifests(kube, objects, { timeoutMs: LONG_MS, onProgress });
    await inTheMiddle(deleting);
    await happen(scene);
    await until("the held object is marked", async () => {
      const [first] = await fake.objects("configmaps");
      return first?.metadata.deletionTimestamp !== undefined;
    });
    expect(seen.length).toBeLessThan(objects.length);
    await fake.remove("configmaps", "default", "configmap-0");
    const results = (await deleting).map(inShort);
    return await outcome(scene, { results, seen, revision });
  }

  test.each(disturbances)(
    "deleteManifests() of 50 objects has the same result through $what",
    async ({ happen, expectEvents }) => {
      const { plain, events } = await withAndWithout(deleteAll, happen);
      expect(plain.results.every((result) => result.startsWith("deleted"))).toBe(true);
      expect(plain.stored).toEqual([]);
      expectEvents(events);
    },
  );

  /** The pods of a node: a disruption budget protects every fourth, and another is still being computed. */
  const podNames = Array.from({ length: 20 }, (_, index) => `pod-${index}`);
  const protectedNames = podNames.filter((_, index) => index % 4 === 0);
  const uncertainNames = podNames.filter((_, index) => index % 4 === 1);

  async function drainNode(happen: Disturbance["happen"]) {
    const scene = await start();
    const { kube, fake } = scene;
    await fake.put("nodes", { metadata: { name: "a" } });
    for (const name of podNames) {
      const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "u" };
      const metadata = { name, ownerReferences: [{ ...owner, controller: true }] };
      const spec = { nodeName: "a", containers: [{ name: "main", image: "web" }] };
      await fake.put("pods", aPod(name, "default", { metadata, spec }));
    }
    for (const name of protectedNames) await fake.protectPod(name);
    for (const name of uncertainNames) {
      const busy = { status: 429, message: "still being processed", retryAfterSeconds: 1 };
      await fake.faults.next({ verb: "create", subresource: "eviction", name }, busy);
    }
    const { seen, onProgress, inTheMiddle } = watchProgress<DrainProgress>();
    const draining = kube.resource(Node).drain("a", { timeoutMs: LONG_MS, onProgress });
    const isTold = (type: DrainProgress["type"], name: string): boolean =>
      seen.some((step) => step.type === type && step.name === name);
    let isDrained = false;
    const ended = draining.finally(() => (isDrained = true));
    /** Ends pods as a kubelet does. */
    const ending = (async () => {
      while (!isDrained) {
        for (const { metadata } of await fake.objects("pods")) {
          if (metadata.deletionTimestamp === undefined) continue;
          await fake.remove("pods", "default", metadata.name);
        }
        await until("a pod is evicted, or all are gone", async () => {
          const pods = await fake.objects("pods");
          return isDrained || pods.some(({ metadata }) => metadata.deletionTimestamp !== undefined);
        });
      }
    })();
    await inTheMiddle(draining);
    await happen(scene);
    await until("each protected pod is reported", () => {
      return protectedNames.every((name) => isTold("blocked", name));
    });
    for (const name of protectedNames) await fake.protectPod(name, false);
    const { drained, skipped } = await draining;
    await Promise.all([ended, ending]);
    const evictions = (await fake.requests()).filter(({ subresource }) => {
      return subresource === "eviction";
    });
    return {
      drained: drained.toSorted(),
      skipped,
      // How often a pod is blocked depends on when it is protected no longer.
      steps: [...new Set(seen.map(({ type, name }) => `${type} ${name}`))].toSorted(),
      onceEach: seen.filter(({ type }) => type !== "blocked").length,
      remaining: seen.filter(({ type }) => type === "gone").map(({ remaining }) => remaining),
      node: (await fake.objects("nodes")).map(({ spec }) => spec),
      pods: await fake.objects("pods"),
      events: scene.events,
      evictions,
    };
  }

  test.each(disturbances)(
    "drain() has the same result through $what",
    async ({ happen, expectEvents }) => {
      const [
        { events, evictions, ...disturbed },
        { events: _events, evictions: plainOnes, ...plain },
      ] = [await drainNode(happen), await drainNode(nothing)];
      expect(disturbed).toEqual(plain);
      expect(plain.drained).toEqual(podNames.map((name) => `default/${name}`).toSorted());
      expect(plain.remaining).toEqual(podNames.map((_, index) => podNames.length - 1 - index));
      expect(plain.onceEach).toBe(2 * podNames.length);
      expect(plain.steps.filter((step) => step.startsWith("blocked"))).toEqual(
        protectedNames.map((name) => `blocked ${name}`).toSorted(),
      );
      expect(plainOnes.length).toBeGreaterThanOrEqual(podNames.length + uncertainNames.length);
      expectEvents(events);
      const uids = new Set(evictions.map(({ body }) => uidOf(body)));
      expect(uids.size).toBe(podNames.length);
    },
  );

  async function rollOut(happen: Disturbance["happen"]) {
    const scene = await start();
    const { kube, fake } = scene;
    const deployments = kube.resource(Deployment);
    const { metadata } = await deployments.create({ metadata: { name: "web" }, spec: SPEC });
    const observedGeneration = metadata.generation ?? 1;
    const update = async (updated: number, available = updated): Promise<void> => {
      await fake.put("deployments", {
        ...(await fake.objects("deployments"))[0],
        status: {
          observedGeneration,
          replicas: REPLICAS,
          updatedReplicas: updated,
          availableReplicas: available,
        },
      });
    };
    await update(0);
    const { seen, onProgress, inTheMiddle } = watchProgress<string>(2);
    const waiting = deployments.rolledOut("web", { timeoutMs: LONG_MS, onProgress });
    waiting.catch(() => {});
    const told = async (count: number): Promise<void> =>
      await until(`there are ${count} reports`, () => seen.length >= count);
    await told(1);
    await update(2);
    await inTheMiddle(waiting);
    await happen(scene);
    await update(3);
    await told(3);
    await update(REPLICAS, 3);
    await told(4);
    await update(REPLICAS);
    const { status } = await waiting;
    return { seen, status, events: scene.events };
  }

  test.each(disturbances)(
    "rolledOut() reports the same progress through $what",
    async ({ happen, expectEvents }) => {
      const { plain, events } = await withAndWithout(rollOut, happen);
      expect(plain.seen).toEqual([
        "0 of 4 replicas are updated",
        "2 of 4 replicas are updated",
        "3 of 4 replicas are updated",
        "3 of 4 updated replicas are available",
      ]);
      expectEvents(events);
    },
  );
});

function uidOf(eviction: unknown): string | undefined {
  const { deleteOptions } = eviction as { deleteOptions: { preconditions: { uid: string } } };
  return deleteOptions.preconditions.uid;
}
