/**
 * Operations of many requests at a real API server that rotates its CA in their middle, or that is busy. kubectl's
 * results for the same objects, undisturbed, are the reference.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import type { KubeClient, ReanchorEvent } from "../../src/index.ts";
import { type ManifestObject, applyManifests, deleteManifests } from "../../src/manifests/index.ts";
import {
  ConfigMap,
  Deployment,
  type DrainProgress,
  Namespace,
  Node,
  Pod,
  ServiceAccount,
} from "../../src/resources/index.ts";
import { entry } from "../contract/support/entry.ts";
import { type ProjectedVolume, createProjectedVolume } from "../support/projected-volume.ts";
import { until } from "../support/until.ts";
import {
  allowDisruptions,
  createPodToDrain,
  createUnprocessedBudget,
  podNames,
} from "./support/drain-scene.ts";
import { figure } from "./support/figures.ts";
import { findKubectl } from "./support/kubectl.ts";
import { startLoad } from "./support/load.ts";
import { useNode } from "./support/pods.ts";
import { cluster, connect, types, ways } from "./support/scene.ts";

const kubectl = await findKubectl(cluster);
const node = useNode("translated");

/** As long as a loaded machine may take. */
const LONG_MS = 300_000;
const TEST_LIMIT_MS = 2 * LONG_MS;
const REPLICAS = 4;

/** Whether the bundle has both CAs while the server moves to the new one. */
const overlaps = [
  { rotation: "a rotation with overlap", overlap: true },
  { rotation: "a rotation without overlap", overlap: false },
] as const;

interface Scene {
  readonly kube: KubeClient;
  readonly events: readonly ReanchorEvent[];
  readonly volume: ProjectedVolume;
}

/** Connects an administrator that reads the CA from a file, in a new namespace. */
async function connectByFile(settings: object): Promise<Scene> {
  const { cert, key } = await cluster.issueClientCertificate({
    commonName: "admin",
    organizations: ["system:masters"],
  });
  const volume = await createProjectedVolume({ ca: await cluster.servingCa() });
  onTestFinished(() => volume.remove());
  const namespace = `long-${crypto.randomUUID().slice(0, 8)}`;
  const { kube, events } = await connect({
    config: {
      server: cluster.origin,
      ca: entry.fileCaSource(volume.caFile, { reloadIntervalMs: 0 }),
      clientCert: entry.staticClientCertSource({ certificate: cert, key }),
      namespace,
    },
    fieldManager: "long-operations",
    trustWaitMs: LONG_MS,
    timeoutMs: 2 * LONG_MS,
    ...settings,
  });
  await kube.resource(Namespace).create({ metadata: { name: namespace } });
  onTestFinished(async () => {
    await cluster.admin("DELETE", `/api/v1/namespaces/${namespace}`);
  });
  await kube.resource(ServiceAccount).create({ metadata: { name: "default" } });
  return { kube, events, volume };
}

/** Rotates the CA. The client reads each bundle of a rotation with overlap. */
async function rotate({ kube, volume }: Scene, overlap: boolean): Promise<void> {
  const between = async (): Promise<void> => void (await kube.get("/version"));
  await cluster.rotateServingCa({ volume, overlap, ...(overlap && { between }) });
}

/** Expects that a client has followed a rotation. */
function expectRotated(events: readonly ReanchorEvent[], overlap: boolean): void {
  const reloads = types(events).filter((type) => type === "ca-reloaded");
  expect(reloads).toHaveLength(overlap ? 2 : 1);
}

function deploymentOf(name: string, round: number) {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas: round,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "main", image: "web" }] },
      },
    },
  };
}

/** Fifty objects, which differ in each round. */
function objectsOf(round: number): ManifestObject[] {
  const maps = Array.from({ length: 35 }, (_, index) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `map-${index}` },
    data: { round: String(round) },
  }));
  const deployments = Array.from({ length: 15 }, (_, index) => {
    return deploymentOf(`web-${index}`, round);
  });
  return [...deployments, ...maps];
}

describe.each(ways)("$way", ({ settings }) => {
  test.each(overlaps)(
    "applyManifests() changes each of 50 objects once in each round through $rotation, and deleteManifests() deletes each",
    async ({ overlap }) => {
      const scene = await connectByFile(settings);
      const { kube, events } = scene;
      const { namespace } = kube;
      let rounds = 0;
      const told: string[] = [];
      const load = startLoad(1, async () => {
        rounds += 1;
        const results = await applyManifests(kube, objectsOf(rounds), {
          onProgress: ({ action }) => told.push(action),
        });
        const action = rounds === 1 ? "created" : "changed";
        expect(results.map((result) => result.action)).toEqual(Array(50).fill(action));
      });
      const anotherRound = async (): Promise<void> => {
        const goal = load.done + 1;
        await until("another round is done", () => load.done >= goal, LONG_MS);
      };
      await anotherRound();
      await rotate(scene, overlap);
      await anotherRound();
      await load.stop();
      expect(load.failures).toEqual([]);
      expect(told).toHaveLength(50 * rounds);
      expectRotated(events, overlap);
      await figure(`50 objects applied through a rotation: rounds`, rounds);
      // A generation counts the changes of a spec.
      const { items } = await kube.resource(Deployment).list();
      expect(items.map(({ metadata }) => metadata.generation)).toEqual(Array(15).fill(rounds));
      const maps = (await kube.resource(ConfigMap).list()).items;
      expect(maps.map(({ data }) => data)).toEqual(maps.map(() => ({ round: String(rounds) })));
      expect(maps).toHaveLength(35);
      if (kubectl !== undefined) {
        const text = JSON.stringify({ apiVersion: "v1", kind: "List", items: objectsOf(rounds) });
        const args = ["apply", "--server-side", "--field-manager=long-operations", "-f", "-"];
        const { code, stderr } = await kubectl(namespace, args, text);
        expect(code, stderr).toBe(0);
        const after = (await kube.resource(Deployment).list()).items;
        const versions = (list: typeof items) =>
          list.map(({ metadata }) => metadata.resourceVersion);
        // kubectl finds nothing to change.
        expect(versions(after)).toEqual(versions(items));
      }

      const seen: string[] = [];
      const middle = Promise.withResolvers<void>();
      const held = { metadata: { finalizers: ["example.com/hold"] } };
      await kube.resource(ConfigMap).patch("map-0", held);
      const deleting = deleteManifests(kube, objectsOf(rounds), {
        timeoutMs: LONG_MS,
        onProgress({ action, kind, name }) {
          seen.push(`${action} ${kind} ${name}`);
          if (seen.length === 20) middle.resolve();
        },
      });
      await Promise.race([middle.promise, deleting]);
      await rotate(scene, overlap);
      expect(seen.length).toBeLessThan(50);
      await kube.resource(ConfigMap).patch("map-0", { metadata: { finalizers: null } });
      const deleted = (await deleting).map(({ action, kind, name }) => `${action} ${kind} ${name}`);
      expect(seen.toSorted()).toEqual(deleted.toSorted());
      expect(deleted.every((text) => text.startsWith("deleted"))).toBe(true);
    },
    TEST_LIMIT_MS,
  );

  /** Creates pods to drain: a disruption budget is about two of them, and one is kept. */
  async function createPods(kube: KubeClient): Promise<void> {
    const nodeName = node().name;
    const owner = "ReplicaSet";
    for (const name of ["first", "second"]) {
      await createPodToDrain(kube, { name, nodeName, owner, labels: { app: "web" } });
    }
    await createPodToDrain(kube, { name: "free", nodeName, owner });
    await createPodToDrain(kube, { name: "kept", nodeName, labels: { keep: "yes" } });
  }

  test.each(overlaps)(
    "drain() evicts what kubectl drain evicts, through $rotation and a budget that is not processed yet",
    async ({ overlap }) => {
      const scene = await connectByFile(settings);
      const { kube, events } = scene;
      const nodes = kube.resource(Node);
      await createPods(kube);
      await createUnprocessedBudget(kube);
      const steps: DrainProgress[] = [];
      const draining = nodes.drain(node().name, {
        labelSelector: `scene=${kube.namespace},!keep`,
        timeoutMs: LONG_MS,
        onProgress: (step) => void steps.push(step),
      });
      const namesOf = (type: DrainProgress["type"]): string[] =>
        [...new Set(steps.filter((step) => step.type === type).map(({ name }) => name))].toSorted();
      const toldOf = async (type: DrainProgress["type"], ...names: string[]): Promise<void> => {
        const told = until(
          `${names.join(", ")}: ${type}`,
          () => names.every((name) => namesOf(type).includes(name)),
          LONG_MS,
        );
        await Promise.race([told, draining]);
      };
      await toldOf("evicting", "first", "free", "second");
      const isAsked = (): boolean =>
        events.filter((event) => event.type === "retry" && event.reason === "retry-after").length >=
        2;
      // "The disruption budget budget is still being processed by the server": a 429 with Retry-After.
      await until("the server has asked both to wait", isAsked, LONG_MS);
      await rotate(scene, overlap);
      await allowDisruptions(kube, 0);
      await toldOf("blocked", "first", "second");
      await allowDisruptions(kube, 1);
      await until("one of them is gone", () => namesOf("gone").length === 2, LONG_MS);
      await allowDisruptions(kube, 1);
      const { drained, skipped } = await draining;
      const all = ["first", "free", "second"];
      expect(drained.toSorted()).toEqual(all.map((name) => `${kube.namespace}/${name}`));
      expect(skipped).toEqual([]);
      expect(steps.filter(({ type }) => type === "evicting")).toHaveLength(3);
      const gone = steps.filter(({ type }) => type === "gone");
      expect(gone.map(({ remaining }) => remaining)).toEqual([2, 1, 0]);
      expect(namesOf("blocked")).toEqual(["first", "second"]);
      expect(await podNames(kube)).toEqual(["kept"]);
      expect((await nodes.get(node().name)).spec?.unschedulable).toBe(true);
      expectRotated(events, overlap);
      await nodes.uncordon(node().name);
      await kube.resource(Pod).delete("kept");
      if (kubectl === undefined) return;

      const { kube: theirs } = await connectByFile(settings);
      await createPods(theirs);
      await createUnprocessedBudget(theirs);
      await allowDisruptions(theirs, 2);
      const selector = `--pod-selector=scene=${theirs.namespace},!keep`;
      const args = ["drain", node().name, selector, "--timeout=100s"];
      const { code, stdout, stderr } = await kubectl(theirs.namespace, args);
      expect(code, stderr).toBe(0);
      const evicted = Array.from(
        stdout.matchAll(/^pod\/(\S+) evicted$/gm),
        ([, name = ""]) => name,
      );
      expect(evicted.toSorted()).toEqual(all);
      expect(await podNames(theirs)).toEqual(["kept"]);
      await nodes.uncordon(node().name);
      await theirs.resource(Pod).delete("kept");
    },
    TEST_LIMIT_MS,
  );

  test.each(overlaps)(
    "rolledOut() reports what kubectl rollout status reports, through $rotation",
    async ({ overlap }) => {
      const scene = await connectByFile(settings);
      const { kube, events } = scene;
      const deployments = kube.resource(Deployment);
      const { metadata } = await deployments.create(deploymentOf("web", REPLICAS));
      const observedGeneration = metadata.generation ?? 1;
      const update = async (updatedReplicas: number, availableReplicas: number): Promise<void> => {
        const readyReplicas = availableReplicas;
        const replicas = REPLICAS;
        const counts = { replicas, updatedReplicas, readyReplicas, availableReplicas };
        await deployments.status.patch("web", { status: { observedGeneration, ...counts } });
      };
      const told: string[] = [];
      /** What kubectl says at present: two numbers. */
      const theirs: (string | undefined)[] = [];
      const toldNext = async (): Promise<void> => {
        const count = theirs.length + 1;
        await until(`there are ${count} reports`, () => told.length >= count, LONG_MS);
        const args = ["rollout", "status", "deployment/web", "--watch=false"];
        const { stdout = told.at(-1) ?? "" } = (await kubectl?.(kube.namespace, args)) ?? {};
        theirs.push(numbersIn(stdout));
      };
      await update(1, 1);
      const waiting = deployments.rolledOut("web", {
        timeoutMs: 2 * LONG_MS,
        onProgress: (text) => void told.push(text),
      });
      await toldNext();
      await update(2, 1);
      await toldNext();
      await rotate(scene, overlap);
      // Only the watch is open.
      await cluster.cutConnections();
      await update(3, 2);
      await toldNext();
      await update(REPLICAS, 3);
      await toldNext();
      await update(REPLICAS, REPLICAS);
      const { status } = await waiting;
      expect(status?.availableReplicas).toBe(REPLICAS);
      expect(told).toEqual([
        "1 of 4 replicas are updated",
        "2 of 4 replicas are updated",
        "3 of 4 replicas are updated",
        "3 of 4 updated replicas are available",
      ]);
      expect(theirs).toEqual(told.map(numbersIn));
      expectRotated(events, overlap);
    },
    TEST_LIMIT_MS,
  );
});

/** The two numbers in a report: "2 of 4", or kubectl's "2 out of 4". */
function numbersIn(text: string): string | undefined {
  const [, some, all] = /(\d+) (?:out )?of (\d+)/.exec(text) ?? [];
  return some === undefined ? undefined : `${some} of ${all}`;
}
