import { describe, expect, test } from "vitest";
import { bindConnect } from "../../../src/client/connect.ts";
import type { KubeClient } from "../../../src/client/client.ts";
import { TimeoutError } from "../../../src/errors.ts";
import { staticCaSource } from "../../../src/sources/ca-source.ts";
import { bindFunctionTokenSource, staticTokenSource } from "../../../src/sources/token-source.ts";
import { anchorPem } from "../support/certificates.ts";
import {
  type FakeRuntime,
  createFakeRuntime,
  failing,
  untilAborted,
} from "../support/fake-runtime.ts";
import { watch } from "../support/scripted-source.ts";

const server = "https://10.96.0.1";
const begin = Date.parse("2026-01-01T00:00:00Z");

interface Started {
  readonly kube: KubeClient;
  readonly runtime: FakeRuntime;
  /** Sends a request that gets the given status, a second after the previous one. */
  answered(status: number, path?: string, init?: RequestInit): Promise<void>;
  /** The health in the status. */
  health(): object;
}

async function start(): Promise<Started> {
  const runtime = createFakeRuntime();
  const config = { server, ca: staticCaSource(anchorPem()), token: staticTokenSource("sesame") };
  const kube = await bindConnect(runtime)({ config, maxRetryAfterMs: 0 });
  return {
    kube,
    runtime,
    async answered(status, path = "/version", init = {}) {
      await runtime.clock.advance(1_000);
      runtime.answer = () => new Response("{}", { status });
      await kube.fetch(path, init);
    },
    health() {
      const { healthy, lastSuccessAt, lastFailure } = kube.status();
      return { healthy, lastSuccessAt, lastFailure };
    },
  };
}

describe("status() reports how requests went", () => {
  test("before the first one, which does not count as a failure", async () => {
    const { health } = await start();
    expect(health()).toEqual({ healthy: true, lastSuccessAt: undefined, lastFailure: undefined });
  });

  test.each([200, 302, 403, 404, 409, 422])("a response with %i is a success", async (status) => {
    const { answered, health } = await start();
    await answered(status);
    expect(health()).toEqual({
      healthy: true,
      lastSuccessAt: begin + 1_000,
      lastFailure: undefined,
    });
  });

  test.each([
    [429, "TooManyRequests"],
    [500, "InternalError"],
    [502, "502"],
    [503, "ServiceUnavailable"],
  ])("a response with %i is a failure, but not a rejection", async (status, reason) => {
    const { answered, health } = await start();
    await answered(200);
    await answered(status);
    expect(health()).toEqual({
      healthy: true,
      lastSuccessAt: begin + 1_000,
      lastFailure: { at: begin + 2_000, code: "ERR_REANCHOR_API", reason },
    });
  });

  test("a 401 makes it unhealthy until the next success", async () => {
    const { answered, health } = await start();
    await answered(200);
    await answered(401);
    const lastFailure = { at: begin + 2_000, code: "ERR_REANCHOR_API", reason: "Unauthorized" };
    expect(health()).toEqual({ healthy: false, lastSuccessAt: begin + 1_000, lastFailure });
    await answered(503);
    expect(health()).toMatchObject({ healthy: false });
    await answered(403);
    expect(health()).toMatchObject({ healthy: true, lastSuccessAt: begin + 4_000 });
  });

  test("a 401 for a caller's own credentials, or from a service behind a proxy, does not count", async () => {
    const { answered, health } = await start();
    const proxy = "/api/v1/namespaces/a/services/web/proxy/";
    const own = { headers: { authorization: "Bearer mine" } };
    await answered(401, "/version", own);
    await answered(401, proxy);
    expect(health()).toEqual({ healthy: true, lastSuccessAt: undefined, lastFailure: undefined });
    await answered(401);
    await answered(200, "/version", own);
    expect(health()).toMatchObject({ healthy: false, lastSuccessAt: begin + 4_000 });
    await answered(200, proxy);
    expect(health()).toMatchObject({ healthy: true, lastSuccessAt: begin + 5_000 });
  });

  test.each([
    ["unknown-authority", "unknown-authority"],
    ["expired", "expired"],
    ["wrong-host", "wrong-host"],
  ] as const)(
    "a rejected server (%s) makes it unhealthy until the next success",
    async (failure, reason) => {
      const { kube, runtime, answered, health } = await start();
      await answered(200);
      runtime.answer = failing(failure);
      const rejected = watch(kube.get("/version"));
      while (!rejected.settled) await runtime.clock.advance(1_000);
      expect(health()).toMatchObject({
        healthy: false,
        lastSuccessAt: begin + 1_000,
        lastFailure: { code: "ERR_REANCHOR_UNTRUSTED_SERVER", reason },
      });
      await answered(200);
      expect(health()).toMatchObject({ healthy: true, lastFailure: { reason } });
    },
  );

  test("a lost connection and a time limit are failures, but not rejections", async () => {
    const { kube, runtime, answered, health } = await start();
    await answered(200);
    runtime.answer = failing("other");
    await expect(kube.post("/x", {})).rejects.toThrow("fake failure");
    expect(health()).toMatchObject({
      healthy: true,
      lastFailure: { code: "ERR_REANCHOR_CONNECTION" },
    });
    runtime.answer = untilAborted;
    const late = watch(kube.get("/version", { timeoutMs: 500 }));
    await runtime.clock.advance(500);
    while (!late.settled) await runtime.clock.advance(0);
    expect(health()).toMatchObject({
      healthy: true,
      lastFailure: {
        code: "ERR_REANCHOR_TIMEOUT",
        reason: expect.stringContaining("500 ms") as string,
      },
    });
  });

  test("an aborted request is not a failure, whatever the reason, nor is one that close() ends", async () => {
    const { kube, runtime, answered, health } = await start();
    await answered(200);
    runtime.answer = untilAborted;
    const abort = new AbortController();
    const aborted = watch(kube.get("/version", { signal: abort.signal }));
    const closed = watch(kube.get("/version"));
    await runtime.clock.advance(0);
    abort.abort(new TimeoutError("The caller's own limit has passed"));
    while (!aborted.settled) await runtime.clock.advance(0);
    expect(health()).toMatchObject({ healthy: true, lastFailure: undefined });
    await kube.close();
    while (!closed.settled) await runtime.clock.advance(0);
    expect(health()).toMatchObject({ healthy: false, lastFailure: undefined });
  });

  test("it is unhealthy while a source is stale", async () => {
    const runtime = createFakeRuntime();
    let token: string | Error = "sesame";
    const config = {
      server,
      token: bindFunctionTokenSource(runtime)(() => {
        if (token instanceof Error) throw token;
        return token;
      }),
    };
    const kube = await bindConnect(runtime)({ config });
    await kube.get("/version");
    token = new Error("no vault");
    await runtime.clock.advance(200_000);
    await kube.get("/version");
    expect(kube.status()).toMatchObject({ healthy: false, token: { stale: true } });
    token = "sesame";
    await runtime.clock.advance(60_000);
    await kube.get("/version");
    expect(kube.status()).toMatchObject({ healthy: true, token: { stale: false } });
  });
});
