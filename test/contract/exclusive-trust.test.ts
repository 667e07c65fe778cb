/**
 * The clauses that depend on how a runtime connects, tested with `exclusiveTrust`. On Deno that option uses a
 * different kind of connection.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { traits } from "./support/traits.ts";
import {
  type Cluster,
  connectClient,
  connectionIsFree,
  control,
  rejection,
  startCluster,
  until,
} from "./support/scene.ts";

const { closesIdleConnections } = entry.runtime.capabilities;

async function connectTo({ ca, server }: Cluster) {
  return await connectClient({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
    exclusiveTrust: true,
    timeoutMs: Number.POSITIVE_INFINITY,
    connectTimeoutMs: 600_000,
  });
}

/** A client with one idle connection. */
async function connectAndIdle() {
  const cluster = await startCluster();
  const { kube, events } = await connectTo(cluster);
  await kube.get("/version");
  await connectionIsFree();
  return { ...cluster, kube, events };
}

async function untilOpen({ server }: Cluster, most: number): Promise<void> {
  await until(`at most ${most} are open`, async () => (await server.stats()).open <= most);
}

test("capabilities.exclusiveTrust says whether a bundle can be trusted exclusively", () => {
  expect(entry.runtime.capabilities.exclusiveTrust).toBe(true);
});

test("fetch() rejects a server of another authority", async () => {
  const { server } = await startCluster();
  const { kube } = await connectTo({ ca: await createCa(), server });
  expect(await rejection(kube.get("/version"))).toMatchObject({
    name: "UntrustedServerError",
    reason: "unknown-authority",
  });
  expect((await server.stats()).requests).toBe(0);
});

test("fetch() makes one handshake when 20 requests come one after another", async () => {
  const cluster = await startCluster();
  const { kube } = await connectTo(cluster);
  for (let request = 0; request < 20; request += 1) {
    await kube.get("/version");
    await new Promise((resolve) => void setTimeout(resolve, 5));
  }
  expect(await cluster.server.stats()).toMatchObject({ connections: 1, requests: 20 });
});

describe("a reused connection that is lost", () => {
  for (const how of ["cut", "end", "reset"]) {
    test(`fetch() retries GET (${how})`, async () => {
      const { kube, server } = await connectAndIdle();
      await server.resetStats();
      expect((await kube.fetch(`/drop-on-reuse?how=${how}`)).status).toBe(200);
      expect((await server.stats()).requestsByPath["/drop-on-reuse"]).toBe(2);
    });

    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      test(`fetch() sends ${method} once (${how})`, async () => {
        const { kube, server } = await connectAndIdle();
        await server.resetStats();
        const sending = kube.fetch(`/drop-on-reuse?how=${how}`, { method, body: "x" });
        // On Bun these get a connection of their own, which can't be lost.
        if (!traits.givesRepeatableMethodsAConnection || method === "POST" || method === "PATCH") {
          expect(await rejection(sending)).toMatchObject({ name: "ConnectionError" });
        } else await sending;
        expect((await server.stats()).requestsByPath["/drop-on-reuse"]).toBe(1);
      });
    }
  }
});

describe("AbortSignal and timeoutMs", () => {
  test("end fetch() while it waits for headers, and send nothing again", async () => {
    for (const method of ["GET", "POST"]) {
      const { kube, server } = await connectAndIdle();
      await server.resetStats();
      const abort = new AbortController();
      const init = { method, signal: abort.signal };
      const pending = rejection(kube.fetch("/held-headers?key=exclusive", init));
      await server.held("exclusive");
      const reason = new Error("enough");
      abort.abort(reason);
      expect(await pending).toBe(reason);
      const late = kube.fetch("/held-headers?key=late", { method, timeoutMs: 200 });
      expect(await rejection(late)).toMatchObject({ name: "TimeoutError" });
      await until("nothing is open", async () => (await server.stats()).open === 0);
      expect((await server.stats()).requestsByPath["/held-headers"]).toBe(2);
    }
  });

  test("end fetch() during a handshake", async () => {
    const blackhole = await control.blackhole();
    const { kube } = await connectClient({
      config: { server: blackhole.origin, ca: entry.staticCaSource((await createCa()).pem) },
      exclusiveTrust: true,
    });
    const abort = new AbortController();
    const pending = rejection(kube.fetch("/version", { signal: abort.signal }));
    await until("it is connected", async () => (await blackhole.stats()).open > 0);
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await pending).toBe(reason);
    const late = await rejection(kube.fetch("/version", { timeoutMs: 200 }));
    expect(late).toMatchObject({ name: "TimeoutError" });
    await until("none is left", async () => (await blackhole.stats()).open === 0);
    await blackhole.close();
  });

  test("end a body", async () => {
    const cluster = await startCluster();
    const { kube } = await connectTo(cluster);
    const abort = new AbortController();
    const response = await kube.fetch("/held-body?key=body", { signal: abort.signal });
    const text = rejection(response.text());
    await cluster.server.held("body");
    abort.abort(new Error("enough"));
    expect(await text).toBeInstanceOf(Error);
    await untilOpen(cluster, 0);
  });
});

describe("bodies", () => {
  test("cancel() ends a body at any moment", async () => {
    const cluster = await startCluster();
    const { kube } = await connectTo(cluster);
    for (const chunks of [0, 1, 3]) {
      const response = await kube.fetch("/stream?chunks=100000&intervalMs=0&size=1000");
      const reader = response.body?.getReader();
      for (let chunk = 0; chunk < chunks; chunk += 1) await reader?.read();
      await reader?.cancel();
    }
    // While data that it has already read is still on its way.
    const held = await kube.fetch("/held-body?key=cancel");
    await held.body?.cancel();
    await untilOpen(cluster, closesIdleConnections ? 0 : 4);
  });

  test("fetch() returns complete, cloned and empty bodies", async () => {
    const cluster = await startCluster();
    const { kube } = await connectTo(cluster);
    const response = await kube.fetch("/stream?chunks=50&intervalMs=0&size=20000");
    const clone = response.clone();
    expect(clone.url).toBe(response.url);
    expect(await response.text()).toHaveLength(1_000_000);
    expect(await clone.text()).toHaveLength(1_000_000);
    for (const status of [204, 205, 304]) {
      expect((await kube.fetch(`/empty/${status}`)).status).toBe(status);
    }
    const head = await kube.fetch("/version", { method: "HEAD" });
    expect(await head.text()).toBe("");
    const body = new Blob(["x".repeat(300_000)]).stream();
    const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
    const sent = await kube.fetch("/upload", init);
    expect(await sent.json()).toMatchObject({ bytes: 300_000 });
  });

  test("text() reports a truncated body", async () => {
    const cluster = await startCluster();
    const { kube } = await connectTo(cluster);
    for (const how of ["cut", "end", "reset"]) {
      // A reset may discard the headers too.
      const text = kube.fetch(`/cut-body?how=${how}`).then((response) => response.text());
      expect(await rejection(text)).toBeInstanceOf(Error);
    }
  });
});

test("close() ends everything in flight and leaves no socket", async () => {
  const cluster = await startCluster();
  const { kube } = await connectTo(cluster);
  await Promise.all(Array.from({ length: 5 }, () => kube.get("/version")));
  const response = await kube.fetch("/held-body?key=close-body");
  const text = rejection(response.text());
  const held = rejection(kube.fetch("/held-headers?key=close"));
  await cluster.server.held("close");
  await kube.close();
  expect(await held).toMatchObject({ name: "ClosedError" });
  expect(await text).toBeInstanceOf(Error);
  await untilOpen(cluster, closesIdleConnections ? 0 : 5);
});

test("fetch() returns to one connection after 50 rotations", async () => {
  const { ca, server } = await startCluster();
  let bundle = ca.pem;
  const source = entry.functionCaSource(() => bundle, { reloadIntervalMs: 0 });
  const { kube } = await connectClient({
    config: { server: server.origin, ca: source },
    exclusiveTrust: true,
  });
  for (let rotation = 0; rotation < 50; rotation += 1) {
    bundle = ca.pem + (await createCa({ commonName: `kubernetes ${rotation}` })).pem;
    await kube.get("/version");
  }
  await untilOpen({ ca, server }, closesIdleConnections ? 1 : 64);
});

test("fetch() cancels a stream body when the connection is lost under it", async () => {
  const { kube } = await connectTo(await startCluster());
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(1_000_000));
    },
    cancel() {
      isCancelled = true;
    },
  });
  const init = { method: "POST", body, duplex: "half" } as RequestInit;
  expect(await rejection(kube.fetch("/drop", init))).toMatchObject({ name: "ConnectionError" });
  await until("the body is cancelled", () => isCancelled);
});
