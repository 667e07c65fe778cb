/**
 * Watches during rotations of the cluster, and the cost of many watches.
 *
 * @module
 */

import process from "node:process";
import { describe, expect, test } from "vitest";
import type { KubeClient } from "../../src/index.ts";
import { ConfigMap } from "../../src/resources/index.ts";
import { entry } from "../contract/support/entry.ts";
import { eventually } from "../support/cluster.ts";
import { type ConfigMapList, watchLines } from "./support/config-maps.ts";
import { figure } from "./support/figures.ts";
import { cluster, connectAs, createAccount, ways } from "./support/scene.ts";

const EVENTS = 1_000;
const WATCHES = 50;
/** Connections beside those of watches: for requests, and when the server ends a connection for new ones. */
const SPARE_SOCKETS = 10;

async function currentVersion(kube: KubeClient, path: string): Promise<string> {
  return (await kube.get<ConfigMapList>(path)).metadata.resourceVersion;
}

describe.each(ways)("$way", ({ way, settings, http2 }) => {
  test("a watch survives rotations and emits each of 1,000 events once, in order", async () => {
    const account = await createAccount();
    const { kube } = await connectAs(account, { settings, reloadIntervalMs: 20 });
    const path = account.configMaps;
    const names = Array.from({ length: EVENTS }, (_, index) => `event-${index}`);
    const resourceVersion = await currentVersion(kube, path);
    const stop = new AbortController();
    const { signal } = stop;
    let created = 0;

    async function write(): Promise<void> {
      for (const name of names) {
        await kube.post(path, { metadata: { name } });
        created += 1;
      }
    }
    const lines: string[] = [];
    async function readLines(): Promise<void> {
      for await (const { type, object } of watchLines(kube, path, { resourceVersion, signal })) {
        lines.push(type === "ADDED" ? object.metadata.name : type);
      }
    }
    const events: string[] = [];
    async function readEvents(): Promise<void> {
      for await (const event of kube.resource(ConfigMap).watch({ signal })) {
        if (event.type === "synced") continue;
        events.push(event.type === "added" ? event.object.metadata.name : event.type);
      }
    }
    async function rotateTwice(): Promise<void> {
      const between = async (): Promise<void> => {
        const goal = Math.min(created + EVENTS / 10, EVENTS);
        await eventually("more is created", async () => created >= goal);
      };
      for (let rotation = 0; rotation < 2; rotation += 1) {
        await cluster.rotateServingCa({ volume: account.volume, overlap: true, between });
      }
    }

    const reading = Promise.allSettled([readLines(), readEvents()]);
    await Promise.all([write(), rotateTwice()]);
    await expect.poll(() => lines.length).toBe(EVENTS);
    await expect.poll(() => events.length).toBe(EVENTS);
    stop.abort();
    await reading;
    expect(lines).toEqual(names);
    expect(events).toEqual(names);
    await figure(`a watch across two rotations, ${way}: events`, lines.length);
    await figure(`a watch across two rotations, ${way}: lost`, EVENTS - new Set(lines).size);
  });

  test("50 watches use only the sockets that their protocol needs, and leave none", async () => {
    const account = await createAccount();
    await cluster.cutConnections(); // Connections that other tests have left.
    const { kube } = await connectAs(account, { settings });
    const path = account.configMaps;
    const resourceVersion = await currentVersion(kube, path);
    const memoryBefore = process.memoryUsage().rss;

    const stop = new AbortController();
    const { signal } = stop;
    let told = 0;
    const watches = Array.from({ length: WATCHES }, async () => {
      for await (const { type } of watchLines(kube, path, { resourceVersion, signal })) {
        if (type === "ADDED") told += 1;
      }
    });
    const ended = Promise.allSettled(watches);
    await eventually("the server has all watches", async () => (await countWatches()) >= WATCHES);
    await kube.post(path, { metadata: { name: "seen-by-all" } });
    await eventually("all are told", async () => told === WATCHES);

    const sockets = (await cluster.connections()).open;
    const megabytes = (process.memoryUsage().rss - memoryBefore) / 2 ** 20;
    await figure(`${WATCHES} watches, ${way}: sockets`, sockets);
    await figure(`${WATCHES} watches, ${way}: MB`, Math.round(megabytes * 10) / 10);
    if (http2) expect(sockets).toBeLessThanOrEqual(SPARE_SOCKETS);
    else {
      expect(sockets).toBeGreaterThanOrEqual(WATCHES);
      expect(sockets).toBeLessThanOrEqual(WATCHES + SPARE_SOCKETS);
    }
    expect(megabytes).toBeLessThan(100);

    stop.abort();
    await ended;
    await kube.close();
    // Bun's idle connections time out. Those of aborted watches do not count as idle.
    const idle = entry.runtime.capabilities.closesIdleConnections ? 0 : SPARE_SOCKETS;
    await eventually("their sockets are closed", async () => {
      return (await cluster.connections()).open <= idle;
    });
  });
});

/** How many watches the server reports. */
async function countWatches(): Promise<number> {
  const metrics = String(await cluster.admin("GET", "/metrics"));
  const line =
    /^apiserver_longrunning_requests\{[^}]*resource="configmaps"[^}]*verb="WATCH"[^}]*\} (\d+)$/m;
  return Number(line.exec(metrics)?.[1] ?? 0);
}
