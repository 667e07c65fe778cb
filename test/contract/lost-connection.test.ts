/**
 * Clause n: a kept-alive connection that the server closes just as it is reused.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ReanchorEvent } from "../../src/index.ts";
import type { RecordedRequest, TestServer } from "../support/api-server.ts";
import { entry } from "./support/entry.ts";
import { traits } from "./support/traits.ts";
import { connectClient, connectionIsFree, rejection, startCluster } from "./support/scene.ts";

/** A client with one idle connection, and counters that start after it was opened. */
async function connectAndIdle() {
  const { ca, server } = await startCluster();
  const { kube, events } = await connectClient({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
  });
  await kube.get("/version");
  await connectionIsFree();
  return { kube, events, server };
}

async function seen(server: TestServer, path: string): Promise<RecordedRequest[]> {
  return (await server.requests()).filter(({ url }) => url.startsWith(path));
}

function retries(events: readonly ReanchorEvent[]): ReanchorEvent[] {
  return events.filter((event) => event.type === "retry");
}

/** Lost on the connection that the first request opened, as the server saw it. */
function expectLostOnReuse(requests: readonly RecordedRequest[]): void {
  expect(requests[0]?.connection).toBe(1);
}

const ways = ["cut", "end", "reset"];
const safe = ways.flatMap((how) => ["GET", "HEAD", "OPTIONS"].map((method) => ({ how, method })));

for (const { how, method } of safe) {
  test(`fetch() retries ${method} when the reused connection is lost (${how})`, async () => {
    const { kube, events, server } = await connectAndIdle();
    const response = await kube.fetch(`/drop-on-reuse?how=${how}`, { method });
    expect(response.status).toBe(200);
    await response.text();

    const requests = await seen(server, "/drop-on-reuse");
    expectLostOnReuse(requests);
    expect(requests.map((request) => request.method)).toEqual([method, method]);
    expect(requests[1]?.connection).toBe(2);
    // Some runtimes retry these methods themselves, without reporting it.
    expect(retries(events)).toEqual(
      traits.repeatsLostRequests === "all" ||
        (traits.repeatsLostRequests === "closed" && how !== "cut")
        ? []
        : [
            {
              type: "retry",
              reason: "connection-lost",
              method,
              path: "/drop-on-reuse",
              delayMs: expect.any(Number),
            },
          ],
    );
  });
}

test("get() retries when the reused connection is lost", async () => {
  const { kube } = await connectAndIdle();
  expect(await kube.get("/drop-on-reuse")).toEqual({ connection: 2 });
});

type MakeInit = () => RequestInit & { duplex?: "half" };

function inEachWay(
  inits: Record<string, MakeInit>,
): { how: string; what: string; init: MakeInit }[] {
  const all = Object.entries(inits);
  return ways.flatMap((how) => all.map(([what, init]) => ({ how, what, init })));
}

const bodies: Record<string, MakeInit> = {
  "POST with a string": () => ({ method: "POST", body: "kind: Pod" }),
  "POST with bytes": () => ({ method: "POST", body: new TextEncoder().encode("kind: Pod") }),
  "POST without a body": () => ({ method: "POST" }),
  "POST with a stream": () => ({
    method: "POST",
    body: new Blob(["kind: Pod"]).stream(),
    duplex: "half",
  }),
  "PATCH with a string": () => ({ method: "PATCH", body: "kind: Pod" }),
};

for (const { how, what, init } of inEachWay(bodies)) {
  test(`fetch() reports ${what} and does not retry it when the reused connection is lost (${how})`, async () => {
    const { kube, events, server } = await connectAndIdle();
    const error = await rejection(kube.fetch(`/drop-on-reuse?how=${how}`, init()));

    expect(error).toMatchObject({ name: "ConnectionError", code: "ERR_REANCHOR_CONNECTION" });
    expect(error).toHaveProperty("message", expect.stringContaining("may have acted"));
    expect(error).toHaveProperty("cause", expect.any(Error));
    const requests = await seen(server, "/drop-on-reuse");
    expectLostOnReuse(requests);
    expect(requests).toHaveLength(1);
    expect(retries(events)).toEqual([]);
    // The client still works.
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
  });
}

// Idempotent, but still not to be retried: the second DELETE of a pod is a 404, the second PUT of one
// resourceVersion a conflict.
const idempotent: Record<string, MakeInit> = {
  "PUT with a string": () => ({ method: "PUT", body: "kind: Pod" }),
  "PUT with a stream": () => ({
    method: "PUT",
    body: new Blob(["kind: Pod"]).stream(),
    duplex: "half",
  }),
  "DELETE without a body": () => ({ method: "DELETE" }),
  "DELETE with a string": () => ({ method: "DELETE", body: "{}" }),
};

for (const { how, what, init } of inEachWay(idempotent)) {
  test(`fetch() sends ${what} once when a reused connection would be lost (${how})`, async () => {
    const { kube, events, server } = await connectAndIdle();
    const sending = kube.fetch(`/drop-on-reuse?how=${how}`, init());

    if (traits.givesRepeatableMethodsAConnection) {
      // Bun would retry these on a reused connection, so each gets its own.
      expect(await (await sending).json()).toEqual({ connection: 2 });
    } else {
      expect(await rejection(sending)).toMatchObject({ name: "ConnectionError" });
    }
    expect(await seen(server, "/drop-on-reuse")).toHaveLength(1);
    expect(retries(events)).toEqual([]);
  });
}

describe("a connection that is always lost", () => {
  test("fetch() retries GET once and then reports it", async () => {
    const { ca, server } = await startCluster();
    const { kube, events } = await connectClient({
      config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
    });
    const error = await rejection(kube.fetch("/drop"));
    expect(error).toMatchObject({ name: "ConnectionError" });
    expect(error).toHaveProperty("message", expect.stringContaining("after one retry"));
    expect(await seen(server, "/drop")).toHaveLength(2);
    expect(retries(events)).toHaveLength(1);
  });

  test("fetch() reports every other verb after one request", async () => {
    const { ca, server } = await startCluster();
    const { kube } = await connectClient({
      config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
    });
    const methods = ["POST", "PUT", "PATCH", "DELETE"];
    for (const method of methods) {
      expect(await rejection(kube.fetch("/drop", { method }))).toMatchObject({
        name: "ConnectionError",
      });
    }
    expect((await seen(server, "/drop")).map(({ method }) => method)).toEqual(methods);
  });

  test("fetch() reports a server that is gone, to which nothing was sent", async () => {
    const { ca, server } = await startCluster();
    const { kube } = await connectClient({
      config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
    });
    await server.stop();
    for (const method of ["GET", "POST"]) {
      const error = await rejection(kube.fetch("/version", { method }));
      expect(error).toMatchObject({ name: "ConnectionError" });
      expect(error).not.toHaveProperty("message", expect.stringContaining("may have acted"));
    }
  });
});

test("text() reports a truncated body, and fetch() sends nothing again", async () => {
  const { kube, events, server } = await connectAndIdle();
  const response = await kube.fetch("/cut-body");
  expect(response.status).toBe(200);
  expect(await rejection(response.text())).toBeInstanceOf(Error);
  expect(await rejection(kube.get("/cut-body"))).toBeInstanceOf(Error);
  expect(await seen(server, "/cut-body")).toHaveLength(2);
  expect(retries(events)).toEqual([]);
});
