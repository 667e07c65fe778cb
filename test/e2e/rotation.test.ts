/**
 * Clauses a to h and o of the contract, with a real server that changes its certificate under load.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { ConnectOptions } from "../../src/index.ts";
import { entry } from "../contract/support/entry.ts";
import { eventually } from "../support/cluster.ts";
import { createCa } from "../support/pki.ts";
import type { ServiceAccount } from "../support/service-account.ts";
import { Creator, countMarks, expectEachOnce } from "./support/config-maps.ts";
import { figure } from "./support/figures.ts";
import { type Load, startLoad } from "./support/load.ts";
import { cluster, connectAs, createAccount, rejection, types, ways } from "./support/scene.ts";

const ROTATIONS = 3;
/** The least time between two reads of a source, by default. */
const COOLDOWN_MS = 100;

/**
 * An account whose clients have no TLS session, since a server that changes only its certificate still
 * resumes sessions. On Bun, clients with the same bundle share sessions, so this bundle has an additional CA.
 */
async function withoutSessions(): Promise<ServiceAccount> {
  const account = await createAccount();
  await account.volume.write({ ca: (await cluster.servingCa()) + (await createCa()).pem });
  return account;
}

/** A client that has read the bundle. After that, the file and the server have moved to a new CA. */
async function rotated(settings: ConnectOptions) {
  const account = await withoutSessions();
  const client = await connectAs(account, { settings });
  await cluster.rotateServingCa({ volume: account.volume, overlap: false });
  return { ...client, account };
}

describe.each(ways)("$way", ({ way, settings }) => {
  test("a: fetch() trusts the cluster's CA and rejects another", async () => {
    const account = await createAccount();
    const { kube } = await connectAs(account, { settings });
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
    await account.volume.write({ ca: (await createCa()).pem });
    const stranger = await connectAs(account, { settings });
    const error = await rejection(stranger.kube.get("/version"));
    expect(error).toBeInstanceOf(entry.UntrustedServerError);
    expect(error).toMatchObject({ reason: "unknown-authority", server: cluster.origin });
  });

  test("b: no request of 16 loops fails in three rotations with overlap", async () => {
    const account = await createAccount();
    const { kube, events } = await connectAs(account, { settings, reloadIntervalMs: 20 });
    const creator = new Creator(kube, account);
    let removed = 0;
    const reads = startLoad(8, () => kube.get(`${account.configMaps}?limit=5`));
    const creates = startLoad(4, () => creator.create());
    const deletes = startLoad(4, async () => {
      const path = await creator.create();
      removed += 1;
      await kube.delete(path);
    });
    const loads = [reads, creates, deletes];
    const { accepted } = await cluster.connections();
    const startedAt = performance.now();
    for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
      await cluster.rotateServingCa({
        volume: account.volume,
        overlap: true,
        between: async () => void (await Promise.all(loads.map((load) => load.more()))),
      });
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    await Promise.all(loads.map((load) => load.stop()));
    const requests = loads.reduce((sum, { done }) => sum + done, 0) + removed;
    const failures = loads.flatMap((load) => load.failures);
    const connections = (await cluster.connections()).accepted - accepted;
    await figure(`rotations with overlap, ${way}: requests`, requests);
    await figure(`rotations with overlap, ${way}: failed`, failures.length);
    await figure(`rotations with overlap, ${way}: requests/s`, Math.round(requests / seconds));
    await figure(`rotations with overlap, ${way}: connections`, connections);

    expect(failures).toEqual([]);
    const counts = await countMarks(cluster, account);
    expect([...counts.values()].filter((count) => count !== 1)).toEqual([]);
    expect(counts.size).toBe(creator.created.length - removed);
    expect(creator.created).toHaveLength(creator.asked);
    const opened = types(events).filter((type) => type === "generation-opened");
    expect(opened.length).toBeGreaterThan(ROTATIONS);
  });

  test("b: no GET of 16 loops is lost before its response when a rotation cuts connections", async () => {
    const account = await createAccount();
    // Within the interval, only the rejected handshakes trigger a reload.
    const { kube } = await connectAs(account, { settings });
    const load = startLoad(16, () => kube.get("/version"));
    for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
      await cluster.rotateServingCa({
        volume: account.volume,
        overlap: true,
        between: async () => {
          await cluster.cutConnections();
          await load.more();
          await load.more();
        },
      });
    }
    await load.stop();
    // A response that was cut in the middle is the caller's to retry.
    const lost = load.failures.filter((error) => !String(error).endsWith("the answer broke off"));
    expect(lost).toEqual([]);
    await figure(`connections cut, ${way}: GETs`, load.done);
    await figure(`connections cut, ${way}: responses cut in the middle`, load.failures.length);
  });

  test("c: a POST succeeds with one reload and one retry when file and server have rotated", async () => {
    const { kube, events, account } = await rotated(settings);
    const creator = new Creator(kube, account);
    await creator.create();
    expect(types(events)).toEqual([
      "generation-opened",
      "ca-reloaded",
      "generation-opened",
      "generation-retired",
      "retry",
    ]);
    expect(events.at(-1)).toMatchObject({ reason: "untrusted-server", method: "POST" });
    await expectEachOnce(cluster, account, creator);
  });

  test("c: 100 POSTs that are rejected together succeed, each once", async () => {
    const { kube, events, account } = await rotated(settings);
    const creator = new Creator(kube, account);
    await Promise.all(Array.from({ length: 100 }, () => creator.create()));
    expect(creator.created).toHaveLength(100);
    await expectEachOnce(cluster, account, creator);
    expect(types(events).filter((type) => type === "ca-reloaded")).toHaveLength(1);
    expect(types(events).filter((type) => type === "generation-opened")).toHaveLength(2);
  });

  test("d: requests fail only while the file lacks the server's CA", async () => {
    const account = await withoutSessions();
    const { kube } = await connectAs(account, { settings: { ...settings, trustWaitMs: 0 } });
    const creator = new Creator(kube, account);
    const next = await cluster.nextServingCa();
    await cluster.serveBy(next);

    const attempts: { startedAt: number; endedAt: number; error: unknown }[] = [];
    const load: Load = startLoad(8, async () => {
      const startedAt = performance.now();
      let error: unknown;
      try {
        await creator.create();
      } catch (cause) {
        error = cause;
        throw cause;
      } finally {
        attempts.push({ startedAt, endedAt: performance.now(), error });
      }
    });
    await load.more();
    await load.more();
    const changingAt = performance.now();
    await account.volume.write({ ca: next.pem });
    const changedAt = performance.now();
    await eventually("requests succeed", async () => creator.created.length > 50);
    await load.stop();

    const before = attempts.filter(({ endedAt }) => endedAt < changingAt);
    expect(before.length).toBeGreaterThanOrEqual(16);
    for (const { error } of before) expect(error).toBeInstanceOf(entry.UntrustedServerError);
    const after = attempts.filter(({ startedAt }) => startedAt > changedAt);
    expect(after.filter(({ error }) => error !== undefined)).toEqual([]);
    await expectEachOnce(cluster, account, creator);

    const firstGood = Math.min(
      ...attempts.filter(({ error }) => error === undefined).map(({ endedAt }) => endedAt),
    );
    await figure(`server first, ${way}: failed until the file changed`, load.failures.length);
    await figure(
      `server first, ${way}: ms to the first success`,
      Math.round(firstGood - changedAt),
    );
  });

  test("o: no request of 64 loops fails when the file follows the server five seconds later", async () => {
    const account = await withoutSessions();
    const { kube, events } = await connectAs(account, {
      settings: { ...settings, trustWaitMs: 60_000, timeoutMs: 90_000 },
      reloadIntervalMs: 0,
    });
    const creator = new Creator(kube, account);
    await kube.get("/version");
    // A bundle for which there is no TLS session that the server would resume.
    await account.volume.write({ ca: await cluster.servingCa() });
    const next = await cluster.nextServingCa();
    await cluster.serveBy(next);
    await cluster.cutConnections();

    let longestMs = 0;
    const load: Load = startLoad(64, async () => {
      const startedAt = performance.now();
      await creator.create();
      longestMs = Math.max(longestMs, performance.now() - startedAt);
    });
    await eventually("all of them wait", async () => {
      return kube.status().waitingForTrust[0]?.requests === 64;
    });
    const readsOf = (): number => types(events).filter((type) => type === "ca-unchanged").length;
    const readsBefore = readsOf();
    const waitingSince = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const reads = readsOf() - readsBefore;
    expect(reads).toBeGreaterThan(1);
    expect(reads).toBeLessThanOrEqual((performance.now() - waitingSince) / COOLDOWN_MS + 2);
    expect(creator.created).toEqual([]);
    const changedAt = performance.now();
    await account.volume.write({ ca: next.pem });
    await eventually("a request succeeds", async () => creator.created.length > 0);
    const firstGood = performance.now();
    await eventually("requests succeed", async () => creator.created.length > 128);
    await load.stop();
    expect(load.failures).toEqual([]);
    await expectEachOnce(cluster, account, creator);
    const waits = types(events).filter((type) => type.endsWith("-for-trust"));
    expect(waits).toEqual(["waiting-for-trust", "waited-for-trust"]);
    await figure(`server first, waiting, ${way}: failed`, load.failures.length);
    await figure(
      `server first, waiting, ${way}: ms to the first success`,
      Math.round(firstGood - changedAt),
    );
    await figure(`server first, waiting, ${way}: the longest wait in ms`, Math.round(longestMs));
  });

  test("e: the last good bundle stays in use while the file is bad", async () => {
    const account = await createAccount();
    const { kube, events } = await connectAs(account, { settings, reloadIntervalMs: 0 });
    const ca = await cluster.servingCa();
    await kube.get("/version");
    for (const bad of [null, "", "no certificate", ca.slice(0, ca.length / 2)]) {
      await account.volume.write({ ca: bad });
      await cluster.cutConnections();
      expect(await kube.get("/version")).toHaveProperty("gitVersion");
    }
    expect(types(events)).toContain("reload-failed");
    expect(kube.status().ca).toMatchObject({ lastError: expect.stringContaining("ca.crt") });
  });

  test("f: an anchor that was removed is no longer trusted, even by a client that was connected", async () => {
    const account = await createAccount();
    const { kube } = await connectAs(account, {
      settings: { ...settings, trustWaitMs: 0 },
      reloadIntervalMs: 0,
    });
    await kube.get("/version");
    const next = await cluster.nextServingCa();
    await account.volume.write({ ca: next.pem });
    expect(await rejection(kube.get("/version"))).toBeInstanceOf(entry.UntrustedServerError);
    await cluster.serveBy(next);
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
  });

  test("g: the same anchors in another order open no connection", async () => {
    const account = await createAccount();
    const [own, other] = [await cluster.servingCa(), (await createCa()).pem];
    await account.volume.write({ ca: own + other });
    const { kube, events } = await connectAs(account, { settings, reloadIntervalMs: 0 });
    await kube.get("/version");
    await account.volume.write({ ca: `# The same\n${other}${own}${own}` });
    await kube.get("/version");
    expect(types(events).filter((type) => type === "generation-opened")).toHaveLength(1);
    expect(types(events)).not.toContain("ca-reloaded");
  });

  test("h: each file is read once for 1,000 requests in an interval", async () => {
    const account = await createAccount();
    const { caFile, tokenFile } = account.volume;
    let reads = 0;
    const read = (file: string) => async (): Promise<string> => {
      reads += 1;
      return await readFile(file, "utf8");
    };
    const config = {
      server: cluster.origin,
      ca: entry.functionCaSource(read(caFile)),
      token: entry.functionTokenSource(read(tokenFile)),
    };
    const kube = await entry.connect({ config, ...settings });
    try {
      let left = 1_000;
      const loops = Array.from({ length: 16 }, async () => {
        while (left-- > 0) await kube.get("/version");
      });
      await Promise.all(loops);
    } finally {
      await kube.close();
    }
    expect(reads).toBe(2);
  });
});
