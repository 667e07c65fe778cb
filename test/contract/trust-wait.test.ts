/**
 * Clause o: the server rotates first, and requests wait for the file, which changes seconds later.
 *
 * @module
 */

import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import type { KubeClient, ReanchorEvent, UntrustedServerError } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import { bindFileCaSource } from "../../src/sources/ca-source.ts";
import { createCa } from "../support/pki.ts";
import { authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import {
  connectClient,
  connectTimed,
  createVolume,
  rejection,
  startCluster,
  types,
  until,
} from "./support/scene.ts";

const COOLDOWN_MS = 100;
const LOOPS = 64;
/** How long requests wait. What they wait for comes much sooner. */
const PATIENCE_MS = 60_000;
/** What ends a wait of one request. */
interface WaitOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** Extra time for a busy machine. */
const BUSY_MS = 30_000;

/** The events about waits. */
function waits(events: readonly ReanchorEvent[]): string[] {
  return types(events).filter((type) => /^wait(?:ing|ed)-for-trust$/.test(type));
}

describe.each(authorityKinds)("$kind", ({ next, settings }) => {
  test("64 loops have no failure when the file follows the server five seconds later", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const source = entry.fileCaSource(volume.caFile, { cooldownMs: COOLDOWN_MS });
    const reads: number[] = [];
    source.subscribe(() => reads.push(performance.now()));
    const { kube, events } = await connectClient({
      config: { server: server.origin, ca: source },
      trustWaitMs: PATIENCE_MS,
      ...settings,
    });
    await kube.get("/version");

    const successor = await next();
    await server.restart(await successor.issue());
    await server.resetStats();
    const failures: unknown[] = [];
    let succeeded = 0;
    let longestMs = 0;
    let running = true;
    const beganAt = performance.now();
    const loops = Array.from({ length: LOOPS }, async () => {
      while (running) {
        const startedAt = performance.now();
        await kube.post("/echo", {}).then(
          () => void (succeeded += 1),
          (error: unknown) => failures.push(error),
        );
        longestMs = Math.max(longestMs, performance.now() - startedAt);
      }
    });
    await until("all of them wait", () => kube.status().waitingForTrust[0]?.requests === LOOPS);
    expect(kube.status()).toMatchObject({
      healthy: false,
      lastFailure: { code: "ERR_REANCHOR_UNTRUSTED_SERVER" },
      waitingForTrust: [{ server: server.origin, requests: LOOPS }],
    });
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const waited = await server.stats();
    const changedAfterMs = performance.now() - beganAt;
    await volume.write({ ca: successor.pem });
    await until("requests succeed", () => succeeded > 10 * LOOPS);
    running = false;
    await Promise.all(loops);

    expect(failures).toEqual([]);
    // Nothing was sent to the untrusted server, and each request was sent once after that.
    expect(waited.requests).toBe(0);
    expect((await server.stats()).requests).toBe(succeeded);
    // Each request connected once. After that, one connection per second for all of them.
    expect(waited.connections - LOOPS).toBeLessThanOrEqual(changedAfterMs / 1_000);
    expect(waited.connections - LOOPS).toBeGreaterThan(0);
    const spanMs = (reads.at(-1) ?? 0) - (reads[0] ?? 0);
    expect(reads.length).toBeLessThanOrEqual(spanMs / COOLDOWN_MS + 2);
    // At the latest after the file's delay, a cooldown, two round trips and some time for a busy machine.
    expect(longestMs).toBeLessThan(changedAfterMs + BUSY_MS);
    expect(waits(events)).toEqual(["waiting-for-trust", "waited-for-trust"]);
    expect(events).toContainEqual({
      type: "waited-for-trust",
      server: server.origin,
      trusted: true,
      waitedMs: expect.any(Number),
    });
    expect(kube.status()).toMatchObject({ healthy: true, waitingForTrust: [] });
  });

  test("a request continues to wait when the bundle has changed and still does not trust the server", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const { kube, events } = await connectClient({
      config: { server: server.origin, ca: entry.fileCaSource(volume.caFile) },
      trustWaitMs: PATIENCE_MS,
      ...settings,
    });
    await kube.get("/version");
    const successor = await next();
    await server.restart(await successor.issue());
    await server.resetStats();
    const answer = kube.post("/echo", { kind: "Pod" });
    await until("it waits", () => kube.status().waitingForTrust.length === 1);
    await volume.write({ ca: ca.pem + (await next()).pem });
    await until("it is read", () => types(events).includes("ca-reloaded"));
    const { connections } = await server.stats();
    await until("it is tried", async () => (await server.stats()).connections > connections);
    expect(kube.status().waitingForTrust).toMatchObject([{ requests: 1 }]);
    expect((await server.stats()).requests).toBe(0);
    await volume.write({ ca: successor.pem });
    expect(await answer).toMatchObject({ method: "POST" });
    expect((await server.stats()).requests).toBe(1);
    expect(waits(events)).toEqual(["waiting-for-trust", "waited-for-trust"]);
  });

  test("a request is sent when a trusted server is back at the address", async () => {
    const old = await next();
    const { server } = await startCluster({}, old);
    const volume = await createVolume({ ca: old.pem });
    const { kube, events } = await connectClient({
      config: { server: server.origin, ca: entry.fileCaSource(volume.caFile) },
      trustWaitMs: PATIENCE_MS,
      ...settings,
    });
    await kube.get("/version");
    await server.restart(await (await next()).issue());
    await server.resetStats();
    const answers = Promise.all([kube.post("/echo", {}), kube.get("/version")]);
    await until("they wait", () => kube.status().waitingForTrust[0]?.requests === 2);
    await server.restart(await old.issue());
    expect(await answers).toMatchObject([{ method: "POST" }, {}]);
    expect((await server.stats()).requests).toBe(2);
    expect(types(events)).not.toContain("ca-reloaded");
    expect(waits(events)).toEqual(["waiting-for-trust", "waited-for-trust"]);
  });

  test("exec() waits as requests do", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const { kube } = await connectClient({
      config: { server: server.origin, ca: entry.fileCaSource(volume.caFile) },
      trustWaitMs: PATIENCE_MS,
      ...settings,
    });
    await kube.get("/version");
    const successor = await next();
    await server.restart(await successor.issue());
    const ran = kube.resource(Pod).execText("web", ["exit", "3"]);
    await until("it waits", () => kube.status().waitingForTrust[0]?.requests === 1);
    await volume.write({ ca: successor.pem });
    expect(await ran).toMatchObject({ stdout: "out\n", code: 3 });
  });

  test("the error says how long the request waited when the server is not trusted in time", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const { kube, events } = await connectClient({
      config: { server: server.origin, ca: entry.fileCaSource(volume.caFile) },
      trustWaitMs: 300,
      ...settings,
    });
    await kube.get("/version");
    await server.restart(await (await next()).issue());
    const error = (await rejection(kube.post("/echo", {}))) as UntrustedServerError;
    expect(error).toBeInstanceOf(entry.UntrustedServerError);
    expect(error.waitedMs).toBeGreaterThan(290);
    expect(error.message).toMatch(/; it was not trusted within \d+ ms \(trustWaitMs\)$/);
    expect(waits(events)).toEqual(["waiting-for-trust", "waited-for-trust"]);
    const end = events.find(({ type }) => type === "waited-for-trust");
    expect(end).toMatchObject({ server: server.origin, trusted: false });
    expect(kube.status()).toMatchObject({ healthy: false, waitingForTrust: [] });
  });
});

describe("a request does not wait", () => {
  /** A server that rotates at once, after its first request was trusted if `trusted` is set. */
  async function rotated({ trusted = true, ca = (pem: string) => entry.staticCaSource(pem) }) {
    const authority = await createCa();
    const { server } = await startCluster({}, authority);
    const config = { server: server.origin, ca: ca(authority.pem) };
    const { kube, events } = await connectClient({ config, trustWaitMs: PATIENCE_MS });
    if (trusted) await kube.get("/version");
    return { server, kube, events };
  }

  test("when this client has never trusted the server", async () => {
    const ca = (pem: string) => entry.functionCaSource(() => pem);
    const { server, kube, events } = await rotated({ trusted: false, ca });
    await server.restart(await (await createCa()).issue());
    expect(await rejection(kube.get("/version"))).toMatchObject({
      name: "UntrustedServerError",
      waitedMs: 0,
    });
    expect(waits(events)).toEqual([]);
  });

  test("when the bundle can't change", async () => {
    const { server, kube, events } = await rotated({});
    await server.restart(await (await createCa()).issue());
    expect(await rejection(kube.get("/version"))).toMatchObject({ waitedMs: 0 });
    expect(waits(events)).toEqual([]);
  });

  test("when the certificate is for another host", async () => {
    const authority = await createCa();
    const { server } = await startCluster({}, authority);
    const ca = entry.functionCaSource(() => authority.pem);
    const config = { server: server.origin, ca };
    const { kube, events } = await connectClient({ config, trustWaitMs: PATIENCE_MS });
    await kube.get("/version");
    await server.restart(await authority.issue({ hosts: ["elsewhere.example"] }));
    expect(await rejection(kube.get("/version"))).toMatchObject({
      reason: "wrong-host",
      waitedMs: 0,
    });
    expect(waits(events)).toEqual([]);
  });
});

/** A client that has trusted a server, whose certificate another CA has issued since. */
async function startRotated() {
  const old = await createCa();
  const { server } = await startCluster({}, old);
  const volume = await createVolume({ ca: old.pem });
  const { kube, events } = await connectClient({
    config: { server: server.origin, ca: entry.fileCaSource(volume.caFile) },
    trustWaitMs: PATIENCE_MS,
    connectTimeoutMs: PATIENCE_MS,
  });
  await kube.get("/version");
  const successor = await createCa();
  await server.restart(await successor.issue());
  await server.resetStats();
  return { old, successor, server, volume, kube, events };
}

/** What waits for trust: a request, and a connection that is upgraded. */
const waiting: [string, (kube: KubeClient, options: WaitOptions) => Promise<unknown>][] = [
  ["a request", async (kube, options) => await kube.post("/echo", {}, options)],
  [
    "execText()",
    async (kube, options) => await kube.resource(Pod).execText("web", ["exit", "3"], options),
  ],
];

describe.each(waiting)("%s that waits ends at once", (_, send) => {
  /** Sends, and waits until it waits. */
  async function startWaiting(options: WaitOptions) {
    const scene = await startRotated();
    const failure = rejection(send(scene.kube, options));
    await until("it waits", () => scene.kube.status().waitingForTrust[0]?.requests === 1);
    return { ...scene, failure };
  }

  test("by its signal", async () => {
    const aborting = new AbortController();
    const { kube, server, failure } = await startWaiting({ signal: aborting.signal });
    const reason = new Error("enough");
    aborting.abort(reason);
    expect(await failure).toBe(reason);
    expect(kube.status().waitingForTrust).toEqual([]);
    expect((await server.stats()).requests).toBe(0);
  });

  test("by its timeoutMs, and the error says how long it waited", async () => {
    const { kube, server, failure } = await startWaiting({ timeoutMs: 1_500 });
    const error = (await failure) as UntrustedServerError;
    expect(error).toBeInstanceOf(entry.UntrustedServerError);
    expect(error.waitedMs).toBeGreaterThan(0);
    expect(error.waitedMs).toBeLessThan(PATIENCE_MS);
    expect(kube.status().waitingForTrust).toEqual([]);
    expect((await server.stats()).requests).toBe(0);
  });

  test("by close()", async () => {
    const { kube, server, events, failure } = await startWaiting({});
    await kube.close();
    expect(await failure).toBeInstanceOf(entry.ClosedError);
    expect(kube.status().waitingForTrust).toEqual([]);
    expect(waits(events)[0]).toBe("waiting-for-trust");
    expect((await server.stats()).requests).toBe(0);
  });
});

test("a request is sent to a trusted server when another one at the address never answers a handshake", async () => {
  const { old, server, kube } = await startRotated();
  const answer = kube.get("/version");
  answer.catch(() => {}); // Awaited below.
  await until("it waits", () => kube.status().waitingForTrust[0]?.requests === 1);
  await server.stop();
  const silent: Socket[] = [];
  const neighbour = createServer((socket) => {
    silent.push(socket.on("error", () => {}).resume());
  });
  neighbour.listen(server.port, "127.0.0.1");
  await once(neighbour, "listening");
  await until("it is probed", () => silent.length > 0);
  neighbour.close();
  await server.restart(await old.issue());
  expect(await answer).toMatchObject({ major: expect.anything() });
  expect((await server.stats()).requests).toBe(1);
  await until("its probes have ended", () => silent.every(({ destroyed }) => destroyed));
});

/**
 * One address for several servers. Each connection goes to the next of the ports, and later ones to the last.
 */
async function startBalancer(ports: readonly number[]) {
  const route = [...ports];
  const open = new Set<Socket>();
  const balancer = createServer((client) => {
    const [port = 0] = route;
    if (route.length > 1) route.shift();
    const server = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(from);
      from
        .on("error", () => {})
        .on("close", () => {
          open.delete(from);
          to.destroy();
        });
      from.pipe(to);
    }
  });
  balancer.listen(0, "127.0.0.1");
  await once(balancer, "listening");
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  onTestFinished(() => {
    balancer.close();
    cut();
  });
  const origin = `https://127.0.0.1:${(balancer.address() as AddressInfo).port}`;
  return { origin, cut, left: () => route.length };
}

test("a request waits only once when it meets another rejected server at the same address", async () => {
  const [old, next] = [await createCa(), await createCa()];
  const { server: trusted } = await startCluster({}, old);
  const { server: rejected } = await startCluster({}, next);
  const [good, bad] = [trusted.port, rejected.port];
  // The first request; the second, and its probe; the second try of that, and its probe; the third.
  const balancer = await startBalancer([good, bad, good, bad, good, good]);
  const volume = await createVolume({ ca: old.pem });
  const { kube, events } = await connectClient({
    config: { server: balancer.origin, ca: entry.fileCaSource(volume.caFile) },
    trustWaitMs: PATIENCE_MS,
  });
  await kube.get("/version");
  balancer.cut();
  expect(await kube.get("/version")).toMatchObject({ major: expect.anything() });
  expect(balancer.left()).toBe(1);
  expect((await rejected.stats()).requests).toBe(0);
  await until("it is over", () => waits(events).length > 1);
  expect(waits(events)).toEqual(["waiting-for-trust", "waited-for-trust"]);
  expect(events.find(({ type }) => type === "waited-for-trust")).toMatchObject({ trusted: true });
});

test("a wait ends when the new bundle vouches for a server of another host", async () => {
  const { successor, server, volume, kube, events } = await startRotated();
  await server.restart(await successor.issue({ hosts: ["elsewhere.example"] }));
  const failures = Promise.all([rejection(kube.get("/version")), rejection(kube.get("/version"))]);
  await until("they wait", () => kube.status().waitingForTrust[0]?.requests === 2);
  await volume.write({ ca: successor.pem });
  const wrongHost = { name: "UntrustedServerError", reason: "wrong-host" };
  expect(await failures).toMatchObject([wrongHost, wrongHost]);
  expect(waits(events)).toEqual(["waiting-for-trust", "waited-for-trust"]);
  expect(events.find(({ type }) => type === "waited-for-trust")).toMatchObject({ trusted: false });
  expect((await server.stats()).requests).toBe(0);
});

test("64 requests that wait are answered a cooldown after the file's last read, and no later", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  /** Reads of the file: those that have begun, and those that have ended. */
  const reads = { begun: 0, ended: 0 };
  const { kube, clock } = await connectTimed((runtime) => {
    const { files } = runtime;
    if (files === undefined) throw new Error("This runtime has no files");
    const counting: typeof files = {
      ...files,
      async read(path, maxBytes, signal) {
        reads.begun += 1;
        try {
          return await files.read(path, maxBytes, signal);
        } finally {
          reads.ended += 1;
        }
      },
    };
    const source = bindFileCaSource({ ...runtime, files: counting })(volume.caFile, {
      cooldownMs: COOLDOWN_MS,
    });
    const config = { server: server.origin, ca: source };
    // By a clock that runs ahead of the machine.
    const limits = { trustWaitMs: 3_600_000, connectTimeoutMs: 600_000 };
    return { config, ...limits };
  });
  await kube.get("/version");
  const successor = await createCa();
  await server.restart(await successor.issue());
  await server.resetStats();
  const answers = Promise.all(Array.from({ length: LOOPS }, () => kube.post("/echo", {})));
  answers.catch(() => {}); // Awaited below.
  await until("all of them wait", async () => {
    await clock.advance(COOLDOWN_MS);
    return kube.status().waitingForTrust[0]?.requests === LOOPS;
  });
  const { ended } = reads;
  await until("the file has just been read", async () => {
    if (reads.begun === reads.ended && reads.ended === ended) await clock.advance(1);
    return reads.begun === reads.ended && reads.ended > ended;
  });
  await volume.write({ ca: successor.pem });
  const { begun } = reads;
  await clock.advance(COOLDOWN_MS);
  expect(await answers).toHaveLength(LOOPS);
  expect(reads.begun).toBe(begun + 1);
  expect((await server.stats()).requests).toBe(LOOPS);
});

test("createFetch() waits for a server that it has trusted before, and for no other", async () => {
  const old = await createCa();
  const [{ server }, { server: other }] = [
    await startCluster({}, old),
    await startCluster({}, old),
  ];
  const volume = await createVolume({ ca: old.pem });
  const fetch = entry.createFetch({
    ca: entry.fileCaSource(volume.caFile),
    trustWaitMs: PATIENCE_MS,
  });
  try {
    await (await fetch(`${server.origin}/version`)).text();
    const successor = await createCa();
    await Promise.all([
      server.restart(await successor.issue()),
      other.restart(await successor.issue()),
    ]);
    const answer = fetch(`${server.origin}/echo`, { method: "POST", body: "{}" });
    await until("it waits", () => fetch.status().waitingForTrust.length === 1);
    expect(await rejection(fetch(`${other.origin}/version`))).toMatchObject({ waitedMs: 0 });
    expect(fetch.status().waitingForTrust).toMatchObject([{ server: server.origin, requests: 1 }]);
    await volume.write({ ca: successor.pem });
    expect((await answer).status).toBe(200);
    await (await answer).text();
  } finally {
    await fetch.close();
  }
});

test("a request waits for a kubeconfig that embeds its CA", async () => {
  const old = await createCa();
  const { server } = await startCluster({}, old);
  const volume = await createVolume({});
  const path = `${volume.root}/config`;
  const write = async (pem: string): Promise<void> => {
    const cluster = { server: server.origin, "certificate-authority-data": btoa(pem) };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "here",
      contexts: [{ name: "here", context: { cluster: "kube", user: "me" } }],
      clusters: [{ name: "kube", cluster }],
      users: [{ name: "me", user: {} }],
    };
    await writeFile(`${path}.new`, JSON.stringify(config));
    await rename(`${path}.new`, path);
  };
  await write(old.pem);
  const config = await entry.kubeconfig({ path });
  const { kube, events } = await connectClient({ config, trustWaitMs: PATIENCE_MS });
  await kube.get("/version");
  const successor = await createCa();
  await server.restart(await successor.issue());
  await server.resetStats();
  const answers = Promise.all([kube.post("/echo", {}), kube.get("/version")]);
  await until("they wait", () => kube.status().waitingForTrust[0]?.requests === 2);
  await write(old.pem + (await createCa()).pem);
  await until("it is read", () => types(events).includes("kubeconfig-reloaded"));
  expect(kube.status().waitingForTrust).toMatchObject([{ requests: 2 }]);
  await write(successor.pem);
  expect(await answers).toMatchObject([{ method: "POST" }, {}]);
  expect((await server.stats()).requests).toBe(2);
  expect(waits(events)).toEqual(["waiting-for-trust", "waited-for-trust"]);
});
