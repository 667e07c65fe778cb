/**
 * Requests that wait for a connection, over sockets. They are sent in order, with the trust that is current
 * when they are sent, and wait until something ends them.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { entry } from "./support/entry.ts";
import {
  type Cluster,
  connectClient,
  createVolume,
  rejection,
  startCluster,
  until,
} from "./support/scene.ts";

async function connectTo({ ca, server }: Cluster, maxConnections: number) {
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  return (await connectClient({ config, http: "sockets", maxConnections })).kube;
}

function outcomeOf(reason: unknown): string {
  return reason instanceof Error ? reason.name : String(reason);
}

describe("maxConnections", () => {
  test("1,000 get() at once share 4 connections, and each gets its own response", async () => {
    const cluster = await startCluster();
    const kube = await connectTo(cluster, 4);
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => {
        const path = `/echo?index=${index}`;
        return (await kube.get<{ url: string }>(path)).url === path;
      }),
    );
    expect(answers.every(Boolean)).toBe(true);
    expect(await cluster.server.stats()).toMatchObject({ connections: 4, requests: 1_000 });
  }, 120_000);

  test("get() and post() that wait are sent with the new trust, not on connections of the old one", async () => {
    const { ca, server } = await startCluster();
    const volume = await createVolume({ ca: ca.pem });
    const source = entry.fileCaSource(volume.caFile);
    const { kube } = await connectClient({
      config: { server: server.origin, ca: source },
      http: "sockets",
      maxConnections: 2,
    });
    const held = ["a", "b"].map(
      async (key) => await kube.get<{ connection: number }>(`/held-headers?key=${key}`),
    );
    await Promise.all([server.held("a"), server.held("b")]);
    const waiting = Array.from({ length: 20 }, async (_, index) =>
      index % 2 === 0
        ? await kube.get<{ connection: number }>("/echo")
        : await kube.post<{ connection: number }>("/echo", { index }),
    );
    const successor = (await startCluster()).ca;
    await server.swap(await successor.issue());
    await volume.write({ ca: successor.pem });
    await source.reload();
    // The first two are still in flight.
    const later = await Promise.all(waiting);
    await Promise.all([server.release("a"), server.release("b")]);
    const old = new Set((await Promise.all(held)).map(({ connection }) => connection));
    expect(later.filter(({ connection }) => old.has(connection))).toEqual([]);
  }, 120_000);
});

describe("a request is ended at once, and leaves nothing open,", () => {
  test("by its signal and by close() while it connects or waits for a connection", async () => {
    for (const ends of ["abort", "close"] as const) {
      const cluster = await startCluster({ handshakeGate: "handshake" });
      const { server } = cluster;
      const kube = await connectTo(cluster, 2);
      const controller = new AbortController();
      const { signal } = controller;
      const end = async (): Promise<void> => {
        if (ends === "abort") controller.abort(new DOMException("Ended", "AbortError"));
        else await kube.close();
      };
      const expected = ends === "abort" ? "AbortError" : "ClosedError";

      // Two connect, and two wait for those.
      const dialling = Array.from({ length: 4 }, async () =>
        outcomeOf(await rejection(kube.get("/version", { signal }))),
      );
      await server.held("handshake", 2);
      await end();
      expect(await Promise.all(dialling)).toEqual(Array(4).fill(expected));
      await server.release("handshake"); // It looks at its connections again.
      await until("nothing is open", async () => (await server.stats()).open === 0);
      expect((await server.stats()).requests).toBe(0);
    }
  }, 120_000);

  test.each(["abort", "close"] as const)(
    "by %s before, between and after the pieces of its response",
    async (ends) => {
      const cluster = await startCluster();
      const { server } = cluster;
      const kube = await connectTo(cluster, 3);
      const controller = new AbortController();
      const { signal } = controller;
      const headers = rejection(kube.fetch("/held-headers?key=headers", { signal }));
      const body = (await kube.fetch("/held-body?key=body", { signal })).body?.getReader();
      const { body: upload, begun } = endlessBody();
      const uploading = rejection(kube.fetch("/upload", { method: "POST", body: upload, signal }));
      await Promise.all([server.held("headers"), server.held("body"), begun]);
      const waiting = rejection(kube.post("/echo", {}, { signal }));
      const first = await body?.read();
      expect(new TextDecoder().decode(first?.value)).toBe("first\n");
      const rest = rejection(body?.read() ?? Promise.resolve());
      if (ends === "abort") controller.abort(new DOMException("Ended", "AbortError"));
      else await kube.close();
      const outcomes = (await Promise.all([headers, rest, uploading, waiting])).map(outcomeOf);
      expect(outcomes).toEqual(Array(4).fill(ends === "abort" ? "AbortError" : "ClosedError"));
      await until("nothing is open", async () => (await server.stats()).open === 0);
      expect((await server.stats()).requestsByPath["/echo"]).toBeUndefined();
    },
    120_000,
  );
});

/** A body that never ends. */
function endlessBody(): { body: ReadableStream<Uint8Array>; begun: Promise<void> } {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls += 1;
      if (pulls === 1) return controller.enqueue(new Uint8Array(1_000));
      resolve();
      return new Promise(() => {});
    },
  });
  return { body, begun };
}
