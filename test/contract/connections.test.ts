/**
 * Transport identity and connections (client-go `transport/cache_test.go`, `connrotation_test.go`).
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { bindFileCaSource } from "../../src/sources/ca-source.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { traits } from "./support/traits.ts";
import {
  type Cluster,
  connectClient,
  connectTimed,
  control,
  createVolume,
  rejection,
  startCluster,
  until,
} from "./support/scene.ts";

const { closesIdleConnections } = entry.runtime.capabilities;

/** Waits until no connection is open. If idle ones can't be closed, waits until only those are left. */
async function untilClosed({ server }: Cluster, idle: number): Promise<void> {
  const most = closesIdleConnections ? 0 : idle;
  await until(`at most ${most} connections are open`, async () => {
    return (await server.stats()).open <= most;
  });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "none";
}

async function connectTo({ ca, server }: Cluster) {
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  return (await connectClient({ config })).kube;
}

describe("reuse", () => {
  test("fetch() makes one handshake when 100 requests come one after another", async () => {
    const cluster = await startCluster();
    const kube = await connectTo(cluster);
    for (let request = 0; request < 100; request += 1) {
      await (await kube.fetch("/api/v1/namespaces")).text();
    }
    const stats = await cluster.server.stats();
    expect(stats).toMatchObject({ connections: 1, handshakes: 1, requests: 100, open: 1 });
  });

  test("get() and post() share one connection", async () => {
    const cluster = await startCluster();
    const kube = await connectTo(cluster);
    for (let request = 0; request < 50; request += 1) {
      await kube.get("/version");
      await kube.post("/echo", { kind: "Pod" });
    }
    expect(await cluster.server.stats()).toMatchObject({ connections: 1, requests: 100 });
  });

  test("fetch() opens no more connections than requests are in flight at once", async () => {
    const cluster = await startCluster();
    const kube = await connectTo(cluster);
    async function loop(): Promise<void> {
      for (let request = 0; request < 20; request += 1) {
        await kube.get("/version");
      }
    }
    await Promise.all(Array.from({ length: 8 }, loop));
    const { requests, connections } = await cluster.server.stats();
    expect(requests).toBe(160);
    // Deno starts a connection for a request, but sends it on whichever connection is free first. The other
    // one is kept.
    expect(connections).toBeLessThanOrEqual(traits.opensSpareConnections ? 2 * 8 : 8);
  });

  test.each(["GET", "HEAD"])(
    "fetch() frees the connection of a %s whose response has no body, whether it is read or not",
    async (method) => {
      const cluster = await startCluster();
      const { ca, server } = cluster;
      const { kube } = await connectClient({
        config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
        drainTimeoutMs: 600_000,
      });
      for (const status of [204, 304, 204, 304]) {
        const response = await kube.fetch(`/empty/${status}`, { method });
        expect(response.status).toBe(status);
        expect(response.body).toBeNull();
      }
      // undici sends no further request on a connection after a HEAD.
      const connections = method === "HEAD" && !traits.reusesAfterHead ? 4 : 1;
      expect(await server.stats()).toMatchObject({ connections, requests: 4 });
    },
  );

  test("fetch() keeps the connection when a request fails with an error status", async () => {
    const cluster = await startCluster();
    const kube = await connectTo(cluster);
    for (const status of [400, 401, 403, 404, 409, 500]) {
      await rejection(kube.get(`/status/${status}`));
    }
    expect(await cluster.server.stats()).toMatchObject({ connections: 1, requests: 6 });
  });

  test("clients with the same inputs share one generation; separate clients have separate pools", async () => {
    const cluster = await startCluster();
    const first = await connectTo(cluster);
    const second = await connectTo(cluster);
    for (const kube of [first, second, first, second]) {
      await kube.get("/version");
    }
    expect(first.status().generations).toMatchObject([{ generation: 1, retired: false }]);
    expect(second.status().generations).toMatchObject([{ generation: 1, retired: false }]);
    await first.close();
    expect(await second.get("/version")).toHaveProperty("gitVersion");
  });
});

describe("closing", () => {
  test("close() closes all connections, and a new client is usable", async () => {
    const cluster = await startCluster();
    const kube = await connectTo(cluster);
    await Promise.all(Array.from({ length: 5 }, () => kube.get("/version")));
    await kube.close();
    await untilClosed(cluster, 5);
    expect(await rejection(kube.get("/version"))).toMatchObject({ name: "ClosedError" });
    expect(kube.status()).toMatchObject({ closed: true, generations: [] });
    const next = await connectTo(cluster);
    expect(await next.get("/version")).toHaveProperty("gitVersion");
  });

  test("fetch() is usable again when the server has closed every connection", async () => {
    const cluster = await startCluster();
    const kube = await connectTo(cluster);
    for (let round = 0; round < 3; round += 1) {
      expect(await kube.get("/version")).toHaveProperty("gitVersion");
      expect(await cluster.server.dropConnections()).toBeGreaterThan(0);
    }
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
  });

  test("close() racing 500 dials leaves none open", async () => {
    const cluster = await startCluster();
    const kube = await connectTo(cluster);
    const requests = Array.from({ length: 500 }, () => kube.get("/version"));
    const outcomes = Promise.allSettled(requests);
    await until("some have connected", async () => (await cluster.server.stats()).connections > 0);
    await kube.close();
    const names = (await outcomes).map((outcome) =>
      outcome.status === "fulfilled" ? "answer" : nameOf(outcome.reason),
    );
    expect(names.filter((name) => name !== "answer" && name !== "ClosedError")).toEqual([]);
    await untilClosed(cluster, 256);
  });

  test("close() ends everything in flight, including bodies", async () => {
    const cluster = await startCluster();
    const kube = await connectTo(cluster);
    const response = await kube.fetch("/held-body?key=close-body");
    const text = rejection(response.text());
    const headers = rejection(kube.fetch("/held-headers?key=close-headers"));
    await cluster.server.held("close-body");
    await cluster.server.held("close-headers");
    await kube.close();
    expect(await headers).toMatchObject({ name: "ClosedError" });
    expect(await text).toBeInstanceOf(Error);
    await untilClosed(cluster, 0);
  });

  test("close() ends a body that streams on a retired generation", async () => {
    const { ca, server } = await startCluster();
    const volume = await createVolume({ ca: ca.pem });
    const { kube, clock } = await connectTimed((runtime) => ({
      config: { server: server.origin, ca: bindFileCaSource(runtime)(volume.caFile) },
    }));
    const streaming = await kube.fetch("/held-body?key=retired");
    await server.held("retired");
    await volume.write({ ca: `${ca.pem}${(await createCa()).pem}` });
    await clock.advance(60_000);
    await kube.get("/version");
    const ended = rejection(streaming.text());
    await kube.close();
    await ended;
  });

  test("200 clients that are created, used and closed leave nothing behind", async () => {
    const cluster = await startCluster();
    for (let client = 0; client < 200; client += 1) {
      const kube = await connectTo(cluster);
      await kube.get("/version");
      await kube.close();
    }
    // Bun has one pool per bundle, shared by all clients.
    await untilClosed(cluster, 1);
    expect((await cluster.server.stats()).requests).toBe(200);
  });

  test("1,000 clients created and closed open nothing", async () => {
    const cluster = await startCluster();
    for (let client = 0; client < 1_000; client += 1) await (await connectTo(cluster)).close();
    expect((await cluster.server.stats()).connections).toBe(0);
  });
});

describe("black holes", () => {
  test("timeoutMs recovers from a connection that has gone silent", async () => {
    const cluster = await startCluster();
    const kube = await connectTo(cluster);
    await kube.get("/version");
    const silent = rejection(kube.get("/held-headers?key=silent", { timeoutMs: 300 }));
    expect(await silent).toMatchObject({ name: "TimeoutError" });
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
    const connections = (await cluster.server.requests()).map(({ connection }) => connection);
    expect(connections).toEqual([1, 1, 2]);
  });

  test("timeoutMs recovers from a server that accepts connections and then stays silent", async () => {
    const ca = await createCa();
    const blackhole = await control.blackhole();
    const source = entry.staticCaSource(ca.pem);
    const { kube } = await connectClient({ config: { server: blackhole.origin, ca: source } });
    for (let request = 0; request < 3; request += 1) {
      const error = await rejection(kube.get("/version", { timeoutMs: 200 }));
      expect(error).toMatchObject({ name: "TimeoutError" });
    }
    await until("none is left", async () => (await blackhole.stats()).open === 0);
    const { port } = blackhole;
    await blackhole.close();
    await startCluster({ port }, ca);
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
  });

  test("connectTimeoutMs ends connecting if the runtime supports it, otherwise timeoutMs does", async () => {
    const blackhole = await control.blackhole();
    const source = entry.staticCaSource((await createCa()).pem);
    const { kube } = await connectClient({
      config: { server: blackhole.origin, ca: source },
      connectTimeoutMs: 1_000,
      timeoutMs: 5_000,
    });
    const { connectTimeout } = entry.runtime.capabilities;
    const error = await rejection(kube.get("/version"));
    expect(error).toMatchObject({ name: connectTimeout ? "ConnectionError" : "TimeoutError" });
    await blackhole.close();
  });
});

describe("construction", () => {
  test("staticCaSource() throws when the CA data is invalid", () => {
    for (const data of [
      "",
      "no PEM",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ]) {
      expect(() => entry.staticCaSource(data)).toThrow(entry.SourceError);
    }
  });

  for (const ca of [null, "", "no PEM"]) {
    test(`connect() fails before it connects when the CA file is ${JSON.stringify(ca)}`, async () => {
      const { server } = await startCluster();
      const volume = await createVolume({ ca });
      const source = entry.fileCaSource(volume.caFile);
      const error = await rejection(
        entry.connect({ config: { server: server.origin, ca: source } }),
      );
      expect(error).toMatchObject({ name: "ConfigError" });
      expect(error).toHaveProperty("message", expect.stringContaining(volume.caFile));
      expect((await server.stats()).connections).toBe(0);
    });
  }

  test("connect() opens no connection", async () => {
    const cluster = await startCluster();
    await connectTo(cluster);
    expect((await cluster.server.stats()).connections).toBe(0);
  });

  test("fetch() reaches an IPv6 origin if its certificate names the address", async () => {
    const cluster = await startCluster({ host: "::1" });
    expect(cluster.server.origin).toContain("[::1]");
    const kube = await connectTo(cluster);
    expect(await kube.get("/version")).toHaveProperty("gitVersion");

    const { ca } = cluster;
    const wrong = await ca.issue({ hosts: ["::2", "127.0.0.1", "localhost"] });
    const { server } = await startCluster({ host: "::1", ...wrong }, ca);
    expect(await rejection((await connectTo({ ca, server })).get("/version"))).toMatchObject({
      name: "UntrustedServerError",
      reason: "wrong-host",
    });
    expect((await server.stats()).requests).toBe(0);
  });
});
