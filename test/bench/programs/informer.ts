/**
 * An informer on Node: how long it takes to know all objects, and to hear of changes.
 *
 * @module
 */

import process from "node:process";
import { pathToFileURL } from "node:url";
import type * as resourcesEntry from "../../../src/resources/index.ts";
import { obey, readArgument } from "../orders.ts";
import type { Place } from "../stage.ts";
import { loadEntry } from "./entry.ts";

/** Whose informer. */
export interface InformerArgument {
  readonly contender: "reanchor" | "reanchor over sockets" | "metadata" | "client-node";
  readonly place: Place;
  /** How many objects there are. */
  readonly objects: number;
}

/** What an informer came to. */
export interface InformerResult {
  readonly ms: number;
  /** RSS after a collection. */
  readonly rss: number;
  /** The most RSS until then. */
  readonly peak: number;
}

const { contender, place, objects } = readArgument() as InformerArgument;
let changes = 0;
let onChange = (): void => {};

function count(): void {
  changes += 1;
  onChange();
}

const contenders = {
  reanchor: async () => await byReanchor("runtime"),
  "reanchor over sockets": async () => await byReanchor("sockets"),
  metadata: async () => await byReanchor("runtime", true),
  async "client-node"() {
    const { CoreV1Api, KubeConfig, makeInformer } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromCluster(place.fileSystem);
    const api = config.makeApiClient(CoreV1Api);
    const list = async () => await api.listPodForAllNamespaces();
    const informer = makeInformer(config, "/api/v1/pods", list);
    informer.on("update", count);
    return async () => {
      await informer.start(); // It has listed by then, and asked for the watch.
      return informer.list().length;
    };
  },
};

async function byReanchor(http: "runtime" | "sockets", isPartial = false) {
  const { connect, inCluster } = await loadEntry(place.dist);
  const { Pod } = (await import(
    pathToFileURL(`${place.dist}/resources.js`).href
  )) as typeof resourcesEntry;
  const kube = await connect({ config: await inCluster({ root: place.root }), http });
  return async () => {
    const pods = kube.resource(Pod, { namespace: "*" });
    const informer = isPartial ? pods.metadata.informer() : pods.informer();
    informer.on({ modified: count });
    await informer.synced();
    return informer.size;
  };
}

const start = await contenders[contender]();
let changedAt = 0;

await obey({
  async sync(): Promise<InformerResult> {
    const startedAt = performance.now();
    const size = await start();
    const ms = performance.now() - startedAt;
    if (size !== objects) throw new Error(`Cannot measure: it knows ${size} objects`);
    return { ms, ...memory() };
  },
  /** Expects so many changes from now on. */
  expect(more: number) {
    const goal = changes + more;
    const startedAt = performance.now();
    changedAt = 0;
    onChange = () => {
      if (changes >= goal) changedAt = performance.now() - startedAt;
    };
  },
  async changed(): Promise<InformerResult> {
    while (changedAt === 0) await new Promise((resolve) => void setTimeout(resolve, 5));
    return { ms: changedAt, ...memory() };
  },
});

function memory(): { rss: number; peak: number } {
  globalThis.gc?.();
  return { rss: process.memoryUsage().rss, peak: process.resourceUsage().maxRSS * 1024 };
}
