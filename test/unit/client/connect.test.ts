/**
 * How options become a client: validation, retries, status, closing, and that secrets stay hidden.
 *
 * @module
 */

import { describe, expect, test, vi } from "vitest";
import { bindConnect } from "../../../src/client/connect.ts";
import { inferConfig } from "../../../src/config/infer.ts";
import { ClosedError, ConfigError, TimeoutError } from "../../../src/errors.ts";
import type { ReanchorEvent } from "../../../src/events.ts";
import { bindFunctionCaSource, staticCaSource } from "../../../src/sources/ca-source.ts";
import { bindFunctionTokenSource, staticTokenSource } from "../../../src/sources/token-source.ts";
import { anchorPem } from "../support/certificates.ts";
import {
  createFakeRuntime,
  createPodRuntime,
  failing,
  inTurn,
  serviceAccountFolder,
  untilAborted,
} from "../support/fake-runtime.ts";
import { watch } from "../support/scripted-source.ts";

const server = "https://10.96.0.1";
const ca = staticCaSource(anchorPem());

describe("connect() rejects", () => {
  test.each<[string, object, typeof TypeError | typeof RangeError, RegExp]>([
    [
      "an option that there is none of",
      { onevent: () => {} },
      TypeError,
      /option onevent of connect/,
    ],
    ["an option of the config's", { ca }, TypeError, /option ca of connect/],
    ["a time limit that is no number", { timeoutMs: "1000" }, TypeError, /option timeoutMs/],
    ["a time limit out of range", { timeoutMs: -1 }, RangeError, /option timeoutMs/],
    ["a drain time out of range", { drainTimeoutMs: 0 }, RangeError, /option drainTimeoutMs/],
    [
      "a connect time out of range",
      { connectTimeoutMs: Infinity },
      RangeError,
      /option connectTimeoutMs/,
    ],
    [
      "a wait that is no number",
      { maxRetryAfterMs: Number.NaN },
      TypeError,
      /option maxRetryAfterMs/,
    ],
    ["a wait out of range", { maxRetryAfterMs: -1 }, RangeError, /option maxRetryAfterMs/],
    [
      "a name that no header can carry",
      { userAgent: "mine\r\nx: y" },
      TypeError,
      /option userAgent/,
    ],
    [
      "an interval that the config's sources have",
      { reloadIntervalMs: 1_000 },
      TypeError,
      /option reloadIntervalMs with config/,
    ],
    [
      "a cooldown that the config's sources have",
      { cooldownMs: 1_000 },
      TypeError,
      /option cooldownMs with config/,
    ],
    [
      "a read time that the config's sources have",
      { readTimeoutMs: 1_000 },
      TypeError,
      /option readTimeoutMs with config/,
    ],
  ])("%s", async (_, options, type, message) => {
    const runtime = createFakeRuntime();
    const connecting = bindConnect(runtime)({ config: { server, ca }, ...options });
    await expect(connecting).rejects.toThrow(type);
    await expect(connecting).rejects.toThrow(message);
  });

  test("a CA if the runtime can't use one, and exclusive trust if it does not support that", async () => {
    const edge = createFakeRuntime({ name: "edge", capabilities: { customCa: "none" } });
    await expect(bindConnect(edge)({ config: { server, ca } })).rejects.toThrow(ConfigError);
    const additive = createFakeRuntime({ capabilities: { exclusiveTrust: false } });
    const options = { config: { server, ca }, exclusiveTrust: true };
    await expect(bindConnect(additive)(options)).rejects.toThrow(ConfigError);
  });

  test("a server that may not be reached", async () => {
    const runtime = createFakeRuntime();
    runtime.denied.add("net 10.96.0.1:6443");
    const connecting = bindConnect(runtime)({ config: { server: `${server}:6443`, ca } });
    await expect(connecting).rejects.toThrow("grant --allow-net=10.96.0.1:6443");
  });

  test("a CA or a token that can't be loaded, with a ConfigError", async () => {
    const runtime = createFakeRuntime();
    const badCa = bindFunctionCaSource(runtime)(() => "");
    const badToken = bindFunctionTokenSource(runtime)(() => "");
    const withBadCa = bindConnect(runtime)({ config: { server, ca: badCa } });
    await expect(withBadCa).rejects.toThrow(ConfigError);
    await expect(withBadCa).rejects.toThrow(/Cannot load CA bundle from function: it is empty/);
    const withBadToken = bindConnect(runtime)({ config: { server, ca, token: badToken } });
    await expect(withBadToken).rejects.toThrow(ConfigError);
  });

  test("and then leaves no listener at a source that others use", async () => {
    const runtime = createFakeRuntime();
    let pem = anchorPem("kubernetes", 1);
    const shared = bindFunctionCaSource(runtime)(() => pem);
    const token = bindFunctionTokenSource(runtime)(() => "");
    const onEvent = vi.fn();
    await expect(
      bindConnect(runtime)({ config: { server, ca: shared, token }, onEvent }),
    ).rejects.toThrow();
    pem = anchorPem("kubernetes", 2);
    await runtime.clock.advance(60_000);
    await shared.current();
    expect(onEvent).not.toHaveBeenCalled();
  });
});

describe("connect()", () => {
  test("loads CA and token, and opens no connection", async () => {
    const runtime = createFakeRuntime();
    const token = staticTokenSource("sesame");
    const kube = await bindConnect(runtime)({ config: { server, ca, token } });
    expect(token.peek()).toBe("sesame");
    expect(runtime.transports).toEqual([]);
    expect(kube.server).toBe("https://10.96.0.1/");
    expect(kube.namespace).toBe("default");
    expect(kube.capabilities).toBe(runtime.capabilities);
  });

  test("infers the pod's config, with the given source options", async () => {
    const runtime = createPodRuntime();
    const root = serviceAccountFolder;
    runtime.disk.set(`${root}/namespace`, "here");
    const kube = await bindConnect(runtime, { infer: inferConfig })({ reloadIntervalMs: 1_000 });
    expect(kube.namespace).toBe("here");
    runtime.disk.set(`${root}/token`, "sesame-2");
    await runtime.clock.advance(1_000);
    await kube.get("/version");
    expect(runtime.exchanges[0]?.headers.get("authorization")).toBe("Bearer sesame-2");
  });

  test("puts the caller's name before its own in User-Agent", async () => {
    const runtime = createFakeRuntime();
    const kube = await bindConnect(runtime)({ config: { server, ca }, userAgent: "operator/1.2" });
    await kube.get("/version");
    expect(runtime.exchanges[0]?.headers.get("user-agent")).toMatch(
      /^operator\/1\.2 reanchor\/\S+ fake\/1\.0$/,
    );
  });

  test("sends no Authorization without a token", async () => {
    const runtime = createFakeRuntime();
    const kube = await bindConnect(runtime)({ config: { server, ca } });
    await kube.get("/version");
    expect(runtime.exchanges[0]?.headers.has("authorization")).toBe(false);
  });

  test("survives a rejected server, a 401 and a 429 in one request, and reports each", async () => {
    const runtime = createFakeRuntime();
    const material = { pem: anchorPem("kubernetes", 1), token: "sesame-1" };
    const config = {
      server,
      ca: bindFunctionCaSource(runtime)(() => material.pem),
      token: bindFunctionTokenSource(runtime)(() => material.token),
    };
    const events: ReanchorEvent[] = [];
    const kube = await bindConnect(runtime)({ config, onEvent: (event) => events.push(event) });
    await runtime.clock.advance(1_000);
    Object.assign(material, { pem: anchorPem("kubernetes", 2), token: "sesame-2" });
    runtime.answer = inTurn(
      failing("unknown-authority"),
      () => new Response(null, { status: 401 }),
      () => new Response(null, { status: 429, headers: { "retry-after": "1" } }),
      () => Response.json({ major: "1" }),
    );
    const version = watch(kube.post("/version", {}));
    await vi.waitUntil(() => runtime.exchanges.length === 3);
    await vi.waitUntil(() => events.some((event) => event.type === "retry" && event.delayMs > 0));
    await runtime.clock.advance(1_000);
    await vi.waitUntil(() => version.settled);
    expect(version.value).toEqual({ major: "1" });
    expect(events.map((event) => (event.type === "retry" ? event.reason : event.type))).toEqual([
      "generation-opened",
      "ca-reloaded",
      "generation-opened",
      "generation-retired",
      "untrusted-server",
      "token-reloaded",
      "unauthorized",
      "retry-after",
    ]);
    expect(runtime.exchanges.at(-1)?.headers.get("authorization")).toBe("Bearer sesame-2");
    expect(runtime.clock.pending).toBe(0);
  });

  test("ends a request by timeoutMs, the client's or its own", async () => {
    const runtime = createFakeRuntime();
    const kube = await bindConnect(runtime)({ config: { server, ca }, timeoutMs: 1_000 });
    runtime.answer = untilAborted;
    for (const timeoutMs of [undefined, 1_000]) {
      const request = watch(kube.get("/x", { timeoutMs }));
      await vi.waitUntil(() => runtime.clock.pending === 1 && runtime.exchanges.length > 0);
      await runtime.clock.advance(1_000);
      await vi.waitUntil(() => request.settled);
      expect(request.error).toBeInstanceOf(TimeoutError);
      expect(runtime.clock.pending).toBe(0);
    }
  });

  test("waits for Retry-After no longer than maxRetryAfterMs, and never when that is 0", async () => {
    for (const seconds of ["0", "1"]) {
      const runtime = createFakeRuntime();
      const kube = await bindConnect(runtime)({ config: { server, ca }, maxRetryAfterMs: 0 });
      const headers = { "retry-after": seconds };
      runtime.answer = () => new Response(null, { status: 503, headers });
      expect((await kube.fetch("/x")).status).toBe(503);
      expect(runtime.exchanges).toHaveLength(1);
    }
  });
});

test("close() ends requests, and a closed client rejects new ones and says why", async () => {
  const runtime = createFakeRuntime();
  const events: ReanchorEvent[] = [];
  let secret = "sesame-1";
  const token = bindFunctionTokenSource(runtime)(() => secret);
  const options = {
    config: { server, ca, token },
    onEvent: (event: ReanchorEvent) => events.push(event),
  };
  const kube = await bindConnect(runtime)(options);
  runtime.answer = untilAborted;
  const request = watch(kube.get("/x"));
  await vi.waitUntil(() => runtime.exchanges.length === 1);
  await kube[Symbol.asyncDispose]();
  await kube.close();
  await vi.waitUntil(() => request.settled);
  expect(request.error).toBeInstanceOf(ClosedError);
  await expect(kube.fetch("/x")).rejects.toThrow(ClosedError);
  expect(kube.status()).toMatchObject({ closed: true, generations: [] });
  expect(runtime.clock.pending).toBe(0);
  const { length } = events;
  secret = "sesame-2";
  await runtime.clock.advance(60_000);
  await token.current();
  expect(events).toHaveLength(length);
});
