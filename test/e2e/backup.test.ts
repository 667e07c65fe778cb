/**
 * A cluster that is restored from a backup: its resource versions go back, and the server accepts a watch
 * from a future version and stays silent.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import { ConfigMap } from "../../src/resources/index.ts";
import { startCluster } from "../support/cluster.ts";
import { connectAs, createAccount, ways } from "./support/scene.ts";

/** Writes after the backup: the number of versions by which the restored server is behind. */
const WRITES = 30;

describe.each(ways)("$way", ({ settings }) => {
  test("an informer has the server's objects after etcd was restored from a backup", async () => {
    const cluster = await startCluster();
    onTestFinished(() => cluster.close());
    const account = await createAccount(cluster);
    const { kube } = await connectAs(account, { at: cluster, settings });
    const maps = kube.resource(ConfigMap);
    await maps.create({ metadata: { name: "kept" } });
    await maps.create({ metadata: { name: "changed" }, data: { write: "none" } });
    await cluster.stop();
    await cluster.backUp();
    await cluster.restart();

    const informer = maps.informer({ idleTimeoutMs: 5_000 });
    const told: string[] = [];
    informer.on({
      added: ({ metadata }) => told.push(`added ${metadata.name}`),
      deleted: ({ metadata }) => told.push(`deleted ${metadata.name}`),
    });
    await informer.synced();
    for (let write = 1; write <= WRITES; write += 1) {
      await maps.patch("changed", { data: { write: String(write) } });
    }
    await maps.create({ metadata: { name: "lost" } });
    const held = (): string[] =>
      informer.list().map(({ metadata, data }) => `${metadata.name} ${data?.["write"] ?? ""}`);
    await expect.poll(() => held().toSorted()).toEqual([`changed ${WRITES}`, "kept ", "lost "]);
    const before = Number(informer.get("lost")?.metadata.resourceVersion);

    await cluster.stop();
    await cluster.restoreBackup();
    await cluster.restart();
    await expect.poll(() => held().toSorted()).toEqual(["changed none", "kept "]);
    expect(told.toSorted()).toEqual(["added changed", "added kept", "added lost", "deleted lost"]);

    const { metadata } = await maps.create({ metadata: { name: "after" } });
    expect(Number(metadata.resourceVersion)).toBeLessThan(before);
    await expect.poll(() => told).toContain("added after");
    await informer.stop();
  });
});
