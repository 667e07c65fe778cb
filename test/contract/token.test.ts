/**
 * Clause i: the bearer token rotates, and only the server receives it.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ReanchorEvent, TokenSource } from "../../src/index.ts";
import { bindFileTokenSource, bindFunctionTokenSource } from "../../src/sources/token-source.ts";
import type { RecordedRequest, TestServer } from "../support/api-server.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { entry } from "./support/entry.ts";
import {
  connectClient,
  connectTimed,
  createVolume,
  startCluster,
  timedRuntime,
  types,
} from "./support/scene.ts";

const INTERVAL_MS = 60_000;
const PROXY = "/api/v1/namespaces/default/services/web/proxy/orders?unauthorized=1";

async function sent(server: TestServer): Promise<(string | undefined)[]> {
  return (await server.requests()).map(({ headers }) => headers["authorization"]);
}

function retries(events: readonly ReanchorEvent[]): ReanchorEvent[] {
  return events.filter((event) => event.type === "retry");
}

/** A client whose token file contains `first`, for a server that accepts any token. */
async function connectByFile(first: string) {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ token: first });
  const client = await connectTimed((runtime) => ({
    config: {
      server: server.origin,
      ca: entry.staticCaSource(ca.pem),
      token: bindFileTokenSource(runtime)(volume.tokenFile),
    },
  }));
  return { ...client, server, volume };
}

describe("a token in a file", () => {
  test("fetch() sends the token without surrounding white space", async () => {
    const { kube, server } = await connectByFile(" \tfirst\r\n\n");
    await kube.get("/version");
    expect(await sent(server)).toEqual(["Bearer first"]);
  });

  test("fetch() sends the cached token within the interval and the rotated one after it", async () => {
    const { kube, server, volume, clock, events } = await connectByFile("first\n");
    await kube.get("/version");
    await volume.write({ token: "second\n" });
    await clock.advance(INTERVAL_MS - 1);
    await kube.get("/version");
    await clock.advance(1);
    await kube.get("/version");

    expect(await sent(server)).toEqual(["Bearer first", "Bearer first", "Bearer second"]);
    expect(types(events)).toContain("token-reloaded");
    expect(retries(events)).toEqual([]);
  });

  const bad: Record<string, { content: string | null; reason: string }> = {
    "is removed": { content: null, reason: "unreadable" },
    "is empty": { content: "", reason: "empty" },
    "holds white space alone": { content: " \r\n\t\n", reason: "empty" },
    "has a newline inside": { content: "sec\nond", reason: "invalid" },
    "has a carriage return inside": { content: "sec\rond", reason: "invalid" },
    "has a NUL inside": { content: "sec\0ond", reason: "invalid" },
    "has a letter beyond ASCII": { content: "sécond", reason: "invalid" },
  };
  for (const [what, { content, reason }] of Object.entries(bad)) {
    test(`fetch() keeps the last token when the file ${what}`, async () => {
      const { kube, server, volume, clock, events } = await connectByFile("first");
      await volume.write({ token: content });
      await clock.advance(INTERVAL_MS);
      await kube.get("/version");

      expect(await sent(server)).toEqual(["Bearer first"]);
      const failures = events.filter((event) => event.type === "reload-failed");
      expect(failures).toMatchObject([{ kind: "token", failures: 1, error: { reason } }]);
      expect(kube.status().token).toMatchObject({ failures: 1 });
      expect(kube.status().token?.lastError).toContain(volume.tokenFile);

      await volume.write({ token: "second" });
      await clock.advance(1_000);
      await kube.get("/version");
      expect(await sent(server)).toEqual(["Bearer first", "Bearer second"]);
      expect(kube.status().token).toMatchObject({ failures: 0, lastError: undefined });
    });

    test(`connect() fails when the file initially ${what}`, async () => {
      const { ca, server } = await startCluster();
      const volume = await createVolume({ token: content });
      const token = entry.fileTokenSource(volume.tokenFile);
      const config = { server: server.origin, ca: entry.staticCaSource(ca.pem), token };
      const connecting = entry.connect({ config });
      await expect(connecting).rejects.toMatchObject({ code: "ERR_REANCHOR_CONFIG" });
      await expect(connecting).rejects.toThrow(volume.tokenFile);
    });
  }
});

test("current() reloads a JWT 10 s before its expiry", async () => {
  const clock = new ManualClock();
  let reads = 0;
  const source = bindFunctionTokenSource(timedRuntime(clock))(() => {
    reads += 1;
    return jwt(Math.floor(clock.wallNow() / 1_000) + 30);
  });
  await source.current();
  await clock.advance(19_999);
  await source.current();
  expect(reads).toBe(1);
  await clock.advance(1);
  await source.current();
  expect(reads).toBe(2);
});

function jwt(exp: number): string {
  const [header, claims] = [{ alg: "none" }, { exp }].map((part) =>
    btoa(JSON.stringify(part)).replaceAll("=", ""),
  );
  return `${header}.${claims}.signature`;
}

/** A client with a token from a function. The test sees its reads and sets its next value. */
async function connectByFunction() {
  const { ca, server } = await startCluster({ token: "first" });
  const issuer = { token: "first", readAt: [] as number[] };
  const token: TokenSource = entry.functionTokenSource(() => {
    issuer.readAt.push(performance.now());
    return issuer.token;
  });
  const client = await connectClient({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem), token },
  });
  return { ...client, server, issuer };
}

describe("a 401", () => {
  const bodies: Record<string, RequestInit> = {
    GET: {},
    "POST with a string": { method: "POST", body: "kind: Pod" },
    "PUT with bytes": { method: "PUT", body: new TextEncoder().encode("kind: Pod") },
    "DELETE without a body": { method: "DELETE" },
  };
  for (const [what, init] of Object.entries(bodies)) {
    test(`fetch() reloads the token and retries ${what} once after a 401`, async () => {
      const { kube, server, issuer, events } = await connectByFunction();
      issuer.token = "second";
      await server.swap({ token: "second" });
      const response = await kube.fetch("/echo?q=1", init);

      expect(response.status).toBe(200);
      expect(await sent(server)).toEqual(["Bearer first", "Bearer second"]);
      const expected = init.body === undefined ? "" : "kind: Pod";
      expect((await server.requests()).map(({ body }) => body)).toEqual([expected, expected]);
      expect(types(events)).toContain("token-reloaded");
      const method = init.method ?? "GET";
      expect(retries(events)).toEqual([
        { type: "retry", reason: "unauthorized", method, path: "/echo", delayMs: 0 },
      ]);
    });
  }

  test("fetch() returns the second 401 when the reloaded token is rejected too", async () => {
    const { kube, server, issuer } = await connectByFunction();
    issuer.token = "second";
    await server.swap({ token: "third" });
    expect((await kube.fetch("/version")).status).toBe(401);
    expect(await sent(server)).toEqual(["Bearer first", "Bearer second"]);
  });

  test("fetch() returns the 401 with its body when the token is unchanged", async () => {
    const { kube, server, issuer, events } = await connectByFunction();
    await server.swap({ token: "second" });
    const response = await kube.fetch("/version");

    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ kind: "Status", code: 401 });
    expect(await sent(server)).toEqual(["Bearer first"]);
    expect(issuer.readAt).toHaveLength(2);
    expect(retries(events)).toEqual([]);
  });

  test("fetch() reloads an unchanged token once per cooldown when many requests are rejected", async () => {
    const { kube, server, issuer } = await connectByFunction();
    await server.swap({ token: "second" });
    for (let round = 0; round < 4; round += 1) {
      const requests = Array.from({ length: 25 }, () => kube.fetch("/version"));
      for (const { status } of await Promise.all(requests)) expect(status).toBe(401);
    }

    expect((await server.stats()).requests).toBe(100);
    const gaps = issuer.readAt.slice(1).map((at, index) => at - (issuer.readAt[index] ?? 0));
    expect(gaps.length).toBeGreaterThanOrEqual(4);
    // Timers may fire a millisecond early.
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(98);
  });

  test("fetch() does not reload when the rejected token was read for this request", async () => {
    const { ca, server } = await startCluster({ token: "second" });
    let reads = 0;
    const token = entry.functionTokenSource(
      () => {
        reads += 1;
        return "first";
      },
      { reloadIntervalMs: 0 },
    );
    const { kube } = await connectClient({
      config: { server: server.origin, ca: entry.staticCaSource(ca.pem), token },
    });
    expect((await kube.fetch("/version")).status).toBe(401);
    expect(reads).toBe(2);
    expect((await server.stats()).requests).toBe(1);
  });

  test("fetch() returns a 401 of a proxy subresource after one POST", async () => {
    const { kube, server, issuer, events } = await connectByFunction();
    issuer.token = "second";
    await server.swap({ token: null });
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      await server.resetStats();
      const response = await kube.fetch(PROXY, { method });
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({ error: "the service behind the proxy refused" });
      expect(await sent(server)).toEqual(["Bearer first"]);
    }
    expect(issuer.readAt).toHaveLength(1);
    expect(retries(events)).toEqual([]);
  });

  test("fetch() retries a GET of a proxy subresource when the token changed", async () => {
    const { kube, server, issuer } = await connectByFunction();
    issuer.token = "second";
    await server.swap({ token: null });
    expect((await kube.fetch(PROXY)).status).toBe(401);
    expect(await sent(server)).toEqual(["Bearer first", "Bearer second"]);
  });

  test("fetch() retries a POST of a pod whose name only looks like a proxy's", async () => {
    const { kube, server, issuer } = await connectByFunction();
    issuer.token = "second";
    await server.swap({ token: "second" });
    await kube.fetch("/api/v1/namespaces/proxy/pods", { method: "POST", body: "{}" });
    expect(await sent(server)).toEqual(["Bearer first", "Bearer second"]);
  });

  test("fetch() keeps the caller's own header, and its 401", async () => {
    const { kube, server, issuer, events } = await connectByFunction();
    issuer.token = "second";
    for (const name of ["Authorization", "authorization"]) {
      const response = await kube.fetch("/version", { headers: { [name]: "Bearer mine" } });
      expect(response.status).toBe(401);
    }
    const request = new Request(`${server.origin}/version`, {
      headers: { authorization: "Basic mine" },
    });
    expect((await kube.fetch(request)).status).toBe(401);
    expect(await sent(server)).toEqual(["Bearer mine", "Bearer mine", "Basic mine"]);
    expect(issuer.readAt).toHaveLength(1);
    expect(retries(events)).toEqual([]);
  });

  test("fetch() reports a stream body that can't be sent again after the 401", async () => {
    const { kube, server, issuer } = await connectByFunction();
    issuer.token = "second";
    await server.swap({ token: "second" });
    const body = new Blob(["kind: Pod"]).stream();
    const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
    expect((await kube.fetch("/echo", init)).status).toBe(401);
    const requests: RecordedRequest[] = await server.requests();
    expect(requests.map((request) => request.body)).toEqual(["kind: Pod"]);
  });
});
