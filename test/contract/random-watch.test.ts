/**
 * Informers under random failures, while objects are written at full speed.
 *
 * `REANCHOR_RANDOM_WATCH=<seed>:<writes>` runs one seed for that many writes, and prints statistics.
 *
 * @module
 */

import { expect, test } from "vitest";
import type { ClusterConfig, Informer, Stored, TransportSettings } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import type { TestServer } from "../support/api-server.ts";
import { seededRandom } from "../../src/testing/model/faults.ts";
import { type Chaos, startChaos } from "./support/chaos.ts";
import { aPod } from "./support/pods.ts";
import { connectQuickly } from "./support/quickly.ts";
import { until } from "./support/scene.ts";
import { ways } from "./support/ways.ts";

const WRITES = 1_500;
/** Half a minute, on a clock that runs 20 times as fast. */
const PATIENCE_MS = 600_000;
const [ownSeed, ownWrites] = (process.env["REANCHOR_RANDOM_WATCH"] ?? "").split(":");
const runs = ownSeed
  ? [[Number(ownSeed), Number(ownWrites ?? WRITES)]]
  : [1, 2, 3].map((seed) => [seed, WRITES]);

test.each(runs as [number, number][])(
  "informers have the server's objects after all kinds of failures (seed %i, %i writes)",
  async (seed, writes) => {
    const figures = await run(seed, writes);
    if (ownSeed) console.log(JSON.stringify(figures));
  },
  120_000 + Number(ownWrites ?? WRITES) * 40,
);

/** A change of an object, as a handler received it. */
interface Change {
  readonly type: "added" | "modified" | "deleted";
  readonly key: string;
  readonly uid: string;
  readonly version: number;
  /** The previous version of the object. */
  readonly from?: number;
}

/** An informer on its own client, and its handler calls. */
interface Follower {
  readonly name: string;
  readonly informer: Informer<Pod>;
  readonly changes: Change[];
}

async function run(seed: number, writes: number): Promise<unknown> {
  const { http2 = false, settings, way } = ways[seed % ways.length] ?? {};
  const expires = seed % 3 !== 0;
  const chaos = await startChaos({ seed, http2, expires, isOld: seed % 2 === 0 });
  // Silence makes an informer list again, and a slow machine can look like silence.
  const idleTimeoutMs = expires ? 20_000 : PATIENCE_MS;
  const followers = await Promise.all(
    Object.entries({ token: chaos.byToken, certificate: chaos.byCert }).map(
      async ([name, config]) => await follow(name, config, { settings, idleTimeoutMs }),
    ),
  );
  const startedAt = performance.now();
  const written: number[] = [];

  async function figures(): Promise<unknown> {
    const seconds = Math.round(performance.now() - startedAt) / 1_000;
    const told = await Promise.all(
      followers.map(async ({ name, changes }) => {
        return { by: name, events: changes.length, relists: await relists(chaos.server, name) };
      }),
    );
    return { seed, way, writes: written.length, seconds, ...chaos.acts, told };
  }

  try {
    await chaos.begin();
    await writeThrough(chaos, followers, { seed, writes, written });
    await chaos.end();
    const versions = new Set(written);
    for (const follower of followers) {
      await untilSame(follower, chaos.server);
      expectLegal(follower.changes, versions);
      const told = follower.changes.map(({ version }) => version);
      // If nothing expires, each write is delivered, in order.
      if (!expires) expect(told).toEqual(written);
    }
  } catch (cause) {
    throw new Error(`Cannot pass with ${JSON.stringify(await figures())}`, { cause });
  }
  return await figures();
}

/** Keeps a copy of all pods, on a client whose requests are recorded under its name. */
async function follow(
  name: string,
  config: ClusterConfig,
  { settings, idleTimeoutMs }: { settings?: TransportSettings | undefined; idleTimeoutMs: number },
): Promise<Follower> {
  const options = { ...settings, config, userAgent: name, timeoutMs: PATIENCE_MS };
  const { kube } = await connectQuickly(options);
  const informer = kube.resource(Pod, { namespace: "*" }).informer({ idleTimeoutMs });
  const changes: Change[] = [];
  informer.on({
    added: (object) => changes.push({ type: "added", ...identify(object) }),
    modified(object, previous) {
      const from = Number(previous.metadata.resourceVersion);
      changes.push({ type: "modified", ...identify(object), from });
    },
    deleted: (object) => changes.push({ type: "deleted", ...identify(object) }),
  });
  await informer.synced();
  return { name, informer, changes };
}

function identify({ metadata }: Stored<Pod>): Pick<Change, "key" | "uid" | "version"> {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { key: `${namespace}/${name}`, uid, version: Number(resourceVersion) };
}

interface Writing {
  readonly seed: number;
  readonly writes: number;
  /** The version of each write. */
  readonly written: number[];
}

/** Writes as fast as possible, while failures follow one another. */
async function writeThrough(
  chaos: Chaos,
  followers: readonly Follower[],
  { seed, writes, written }: Writing,
): Promise<void> {
  const { fake } = chaos.server;
  const random = seededRandom(seed);
  const there = new Set<string>();
  let version = await fake.revision();

  async function writeOne(): Promise<void> {
    const namespace = random() < 0.5 ? "north" : "south";
    const name = `pod-${Math.floor(random() * 25)}`;
    const key = `${namespace}/${name}`;
    version += 1;
    if (there.has(key) && random() < 0.25) {
      there.delete(key);
      await fake.remove("pods", namespace, name);
    } else {
      there.add(key);
      const { metadata } = await fake.put("pods", aPod(name, namespace));
      expect(Number(metadata.resourceVersion)).toBe(version);
    }
    written.push(version);
  }

  async function breakThings(): Promise<void> {
    while (written.length < writes) {
      await chaos.act();
      // Some failures hit running watches, and some hit watches that are still recovering.
      const told = followers.map(({ changes }) => changes.length);
      const giveUpAt = performance.now() + 300;
      const goesOn = (): boolean =>
        followers.every(({ changes }, index) => changes.length > (told[index] ?? 0));
      while (written.length < writes && performance.now() < giveUpAt && !goesOn()) await aMoment();
    }
  }

  await Promise.all([
    breakThings(),
    (async () => {
      while (written.length < writes) await writeOne();
    })(),
  ]);
}

function aMoment(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 5));
}

/** Waits until an informer has each object in the server's version, and no other objects. */
async function untilSame({ name, informer }: Follower, { fake }: TestServer): Promise<void> {
  const there = (await fake.objects("pods"))
    .map((object) => short(object as Stored<Pod>))
    .toSorted();
  await until(`the informer by ${name} has what the server has`, () => {
    const held = informer.list().map(short).toSorted();
    return held.join() === there.join();
  });
}

function short(object: Stored<Pod>): string {
  const { key, uid, version } = identify(object);
  return `${key} ${uid} ${version}`;
}

/** Each object is added, then modified to ever newer versions, then deleted. No event comes twice. */
function expectLegal(changes: readonly Change[], written: ReadonlySet<number>): void {
  const last = new Map<string, Change>();
  for (const change of changes) {
    const before = last.get(change.key);
    const isThere = before !== undefined && before.type !== "deleted";
    const where = JSON.stringify({ before, change });
    expect(isThere, where).toBe(change.type !== "added");
    expect(written.has(change.version), where).toBe(true);
    // An object that is found to be gone is delivered in its last known state.
    const least = (before?.version ?? 0) + (change.type === "deleted" ? 0 : 1);
    expect(change.version, where).toBeGreaterThanOrEqual(least);
    if (isThere) expect(change.uid, where).toBe(before.uid);
    if (change.type === "modified") expect(change.from, where).toBe(before?.version);
    last.set(change.key, change);
  }
}

/** How often a client listed again after its first list. */
async function relists({ fake }: TestServer, client: string): Promise<number> {
  const asked = (await fake.requests()).filter(({ verb, query, headers }) => {
    const isOurs = headers["user-agent"]?.startsWith(client) === true;
    const isWhole =
      query["sendInitialEvents"] === "true" || (verb === "list" && !query["continue"]);
    return isOurs && isWhole;
  });
  return asked.length - 1;
}
