/**
 * A server that is killed while requests and watches run, and comes back on the same port.
 *
 * @module
 */

import { onTestFinished, describe, expect, test } from "vitest";
import type { KubeClient } from "../../src/index.ts";
import { ConfigMap } from "../../src/resources/index.ts";
import { entry } from "../contract/support/entry.ts";
import { type OwnCluster, eventually, startCluster } from "../support/cluster.ts";
import { type ConfigMapList, watchLines } from "./support/config-maps.ts";
import { figure } from "./support/figures.ts";
import { startLoad } from "./support/load.ts";
import { connectAs, createAccount, rejection, types, ways } from "./support/scene.ts";

const BEFORE = 100;
const AFTER = 100;

async function ownCluster(): Promise<OwnCluster> {
  const cluster = await startCluster();
  onTestFinished(() => cluster.close());
  return cluster;
}

/**
 * Follows the names of a namespace's ConfigMaps with nothing but a watch. If the watch ends, it continues
 * from the last version. If that version is gone, it lists.
 */
async function follow(kube: KubeClient, path: string, last: string) {
  const told: string[] = [];
  let ends = 0;
  const { items, metadata } = await kube.get<ConfigMapList>(path);
  told.push(...items.map((item) => item.metadata.name));
  let { resourceVersion } = metadata;
  while (told.at(-1) !== last) {
    try {
      for await (const { type, object } of watchLines(kube, path, { resourceVersion })) {
        if (type === "ERROR") {
          const list = await kube.get<ConfigMapList>(path);
          const names = list.items.map((item) => item.metadata.name);
          told.push(...names.filter((name) => !told.includes(name)));
          resourceVersion = list.metadata.resourceVersion;
          break;
        }
        told.push(object.metadata.name);
        resourceVersion = object.metadata.resourceVersion;
        if (told.at(-1) === last) return { told, ends };
      }
      ends += 1;
    } catch {
      ends += 1;
      await new Promise((resolve) => void setTimeout(resolve, 50));
    }
  }
  return { told, ends };
}

describe.each(ways)("$way", ({ way, settings }) => {
  test("requests continue and watches miss nothing when the server is killed and starts again", async () => {
    const cluster = await ownCluster();
    const account = await createAccount(cluster);
    const { kube, events } = await connectAs(account, { at: cluster, settings });
    const path = account.configMaps;
    const names = Array.from(
      { length: BEFORE + AFTER },
      (_, at) => `item-${String(at).padStart(3, "0")}`,
    );
    let created = 0;

    async function write(): Promise<void> {
      for (const name of names) {
        for (;;) {
          try {
            await kube.post(path, { metadata: { name } });
            break;
          } catch (error) {
            // The object may have been created, and only the response lost.
            if (error instanceof entry.ApiError && error.reason === "AlreadyExists") break;
            await new Promise((resolve) => void setTimeout(resolve, 20));
          }
        }
        created += 1;
      }
    }
    async function watch(): Promise<string[]> {
      const told: string[] = [];
      for await (const event of kube.resource(ConfigMap).watch()) {
        if (event.type === "synced") continue;
        told.push(event.object.metadata.name);
        if (told.at(-1) === names.at(-1)) break;
      }
      return told;
    }

    const load = startLoad(8, () => kube.get("/version"));
    const following = follow(kube, path, names.at(-1) ?? "");
    const watching = watch();
    const writing = write();
    await eventually("half is written", async () => created >= BEFORE);
    const failedBefore = load.failures.length;
    const killedAt = performance.now();
    await cluster.kill();
    await cluster.restart();
    const seconds = (performance.now() - killedAt) / 1_000;
    await load.more();
    const failedMeanwhile = load.failures.length;
    await load.more();
    await load.more();
    await writing;
    const [followed, watched] = await Promise.all([following, watching]);
    await load.stop();

    expect(failedBefore).toBe(0);
    expect(load.failures.length).toBe(failedMeanwhile);
    // A server that has just started may not know all permissions yet.
    for (const error of load.failures) {
      const isForbidden = error instanceof entry.ApiError && error.status === 403;
      if (!isForbidden) expect(error).toBeInstanceOf(entry.ConnectionError);
    }
    expect(followed.told.sort()).toEqual(names);
    expect(followed.ends).toBeGreaterThan(0);
    expect(watched.sort()).toEqual(names);
    expect(types(events)).toContain("watch-interrupted");
    await figure(`server killed, ${way}: seconds until it was back`, Math.round(seconds * 10) / 10);
    await figure(`server killed, ${way}: GETs`, load.done);
    await figure(`server killed, ${way}: GETs failed while it was away`, load.failures.length);
    await figure(`server killed, ${way}: events lost`, names.length - new Set(watched).size);
  });

  test("a server that comes back with another CA is trusted once the file contains that CA", async () => {
    const cluster = await ownCluster();
    const account = await createAccount(cluster);
    const { kube } = await connectAs(account, { at: cluster, settings });
    await kube.get("/version");
    const next = await cluster.nextServingCa();
    await cluster.kill();
    expect(await rejection(kube.get("/version"))).toBeInstanceOf(entry.ConnectionError);
    await cluster.restart(next);
    expect(await rejection(kube.get("/version"))).toMatchObject({ reason: "unknown-authority" });
    await account.volume.write({ ca: next.pem });
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
  });
});
