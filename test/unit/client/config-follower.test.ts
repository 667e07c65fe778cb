/**
 * A config that changes while a client is open.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { bindConnect } from "../../../src/client/connect.ts";
import type { KubeClient } from "../../../src/client/client.ts";
import type { ClusterConfig } from "../../../src/config/cluster-config.ts";
import type { ReanchorEvent } from "../../../src/events.ts";
import { Reloader } from "../../../src/sources/reloader.ts";
import { bindFunctionTokenSource, staticTokenSource } from "../../../src/sources/token-source.ts";
import {
  FakeFailure,
  type FakeRuntime,
  createFakeRuntime,
  failing,
  inTurn,
  untilAborted,
} from "../support/fake-runtime.ts";
import { streamOf } from "../support/outgoing.ts";

const INTERVAL_MS = 60_000;

interface Following {
  readonly runtime: FakeRuntime;
  readonly kube: KubeClient;
  readonly events: ReanchorEvent[];
  /** The result of the next read. */
  config: ClusterConfig;
  reads: number;
}

async function following(config: ClusterConfig, trustWaitMs = 0): Promise<Following> {
  const runtime = createFakeRuntime();
  const events: ReanchorEvent[] = [];
  const made = { runtime, events, config, reads: 0 };
  const source = new Reloader<ClusterConfig>(
    {
      kind: "kubeconfig",
      what: "kubeconfig",
      source: "here",
      read: async () => {
        made.reads++;
        return made.config;
      },
      isSame: (a, b) => a === b,
      changed: ({ server }) => ({
        type: "kubeconfig-reloaded",
        source: "here",
        context: undefined,
        server: String(server),
      }),
    },
    { clock: runtime.clock, sharedReads: true },
  );
  const kube = await bindConnect(runtime)({
    config: source,
    trustWaitMs,
    onEvent: (event) => void events.push(event),
  });
  return Object.assign(made, { kube });
}

const one: ClusterConfig = {
  server: "https://one/base",
  token: staticTokenSource("one"),
  impersonate: { user: "jane" },
};
const two: ClusterConfig = { server: "https://two", namespace: "b" };

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => "none",
    (error: unknown) => error,
  );
}

function settled(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 0));
}

function urls({ runtime }: Following): string[] {
  return runtime.exchanges.map(({ url }) => url);
}

describe("a client of a config that changes", () => {
  test("sends to the current server, with the current credentials and no others", async () => {
    const scene = await following(one);
    const { kube, runtime, events } = scene;
    await kube.get("/api");
    expect(runtime.exchanges[0]?.headers.get("authorization")).toBe("Bearer one");
    scene.config = two;
    await kube.get("/api");
    await runtime.clock.advance(INTERVAL_MS);
    await kube.get("/api");
    expect(urls(scene)).toEqual([
      "https://one/base/api",
      "https://one/base/api",
      "https://two/api",
    ]);
    const last = runtime.exchanges[2]?.headers;
    expect(last?.has("authorization")).toBe(false);
    expect(last?.has("impersonate-user")).toBe(false);
    expect([kube.server, kube.namespace]).toEqual(["https://two/", "b"]);
    expect(runtime.transports.map(({ retired }) => retired)).toEqual([true, false]);
    expect(events.map(({ type }) => type)).toEqual([
      "generation-opened",
      "kubeconfig-reloaded",
      "generation-retired",
      "generation-opened",
    ]);
  });

  test("retries a request that got a 401 with the next config, for any verb, with none of the old headers", async () => {
    const scene = await following(one);
    const { kube, runtime } = scene;
    runtime.answer = ({ url }) =>
      new Response("{}", { status: url.startsWith("https://one") ? 401 : 200 });
    await runtime.clock.advance(500);
    scene.config = two;
    await kube.post("/api", { a: 1 });
    expect(urls(scene)).toEqual(["https://one/base/api", "https://two/api"]);
    expect(runtime.exchanges[1]?.body).toBe('{"a":1}');
    expect(runtime.exchanges[1]?.headers.has("authorization")).toBe(false);
    expect(runtime.exchanges[1]?.headers.has("impersonate-user")).toBe(false);
  });

  test("returns a 401 when the config is unchanged, and reads the config once for it", async () => {
    const scene = await following(one);
    scene.runtime.answer = () => new Response("{}", { status: 401 });
    await scene.runtime.clock.advance(500);
    await expect(scene.kube.get("/api")).rejects.toMatchObject({ status: 401 });
    expect(scene.reads).toBe(2);
    expect(urls(scene)).toHaveLength(1);
  });

  test("reads the config once for requests that are rejected one after another", async () => {
    const scene = await following(one);
    const { kube, runtime } = scene;
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    runtime.answer = async ({ url }) => {
      if (url.endsWith("/late")) await gate;
      return new Response("{}", { status: 401 });
    };
    await runtime.clock.advance(500);
    const late = kube.get("/late");
    await expect(kube.get("/early")).rejects.toMatchObject({ status: 401 });
    expect(scene.reads).toBe(2);
    open();
    await expect(late).rejects.toMatchObject({ status: 401 });
    expect(scene.reads).toBe(2);
  });

  test("returns a 401 to a caller who set the credentials", async () => {
    const scene = await following(one);
    scene.runtime.answer = () => new Response("{}", { status: 401 });
    await scene.runtime.clock.advance(500);
    scene.config = two;
    const headers = { authorization: "Bearer mine" };
    expect((await scene.kube.fetch("/api", { headers })).status).toBe(401);
    expect(scene.reads).toBe(1);
  });

  test("retries a request whose server was rejected with the next config, and only once", async () => {
    const scene = await following(one);
    const { kube, runtime } = scene;
    runtime.answer = inTurn(failing("unknown-authority"), () => new Response("{}"));
    await runtime.clock.advance(500);
    scene.config = two;
    await kube.get("/api");
    expect(urls(scene)).toEqual(["https://one/base/api", "https://two/api"]);
    runtime.answer = failing("unknown-authority");
    await runtime.clock.advance(500);
    await expect(kube.get("/api")).rejects.toMatchObject({ reason: "unknown-authority" });
  });

  test("does not wait for a server that has only been used unverified", async () => {
    const scene = await following({ server: "https://one", insecureSkipTlsVerify: true }, 10_000);
    await scene.kube.get("/api");
    scene.config = { server: "https://one" };
    await scene.runtime.clock.advance(INTERVAL_MS);
    scene.runtime.answer = failing("unknown-authority");
    const failed = scene.kube.get("/api").catch((error: unknown) => error);
    await scene.runtime.clock.advance(200);
    expect(await failed).toMatchObject({ name: "UntrustedServerError", waitedMs: 0 });
  });

  test("sends requests that waited for trust in the old server to the new one", async () => {
    const scene = await following(one, 10_000);
    const { kube, runtime, events } = scene;
    await kube.get("/api");
    runtime.answer = ({ url }) => {
      if (url.startsWith("https://one/")) throw new FakeFailure("unknown-authority");
      return new Response("{}");
    };
    await runtime.clock.advance(500);
    const waiting = kube.get("/late");
    await runtime.clock.advance(0);
    expect(kube.status()).toMatchObject({
      healthy: false,
      waitingForTrust: [{ server: "https://one", requests: 1 }],
    });
    scene.config = two;
    await runtime.clock.advance(200);
    await waiting;
    expect(urls(scene)).toEqual([
      "https://one/base/api",
      "https://one/base/late",
      "https://two/late",
    ]);
    expect(events.filter(({ type }) => type === "waited-for-trust")).toMatchObject([
      { server: "https://one", trusted: false },
    ]);
    expect(kube.status()).toMatchObject({ healthy: true, waitingForTrust: [] });
  });

  test("sends requests that waited for the old config's token with the new config", async () => {
    let open = (): void => {};
    let gate = Promise.resolve();
    const runtime = createFakeRuntime();
    const token = bindFunctionTokenSource(runtime)(
      async () => {
        await gate;
        return "one";
      },
      { reloadIntervalMs: 0 },
    );
    const scene = await following({ ...one, token });
    gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const waiting = scene.kube.post("/api", { a: 1 });
    await new Promise((resolve) => void setTimeout(resolve, 0));
    scene.config = two;
    await scene.runtime.clock.advance(INTERVAL_MS);
    await scene.kube.get("/version");
    open();
    await waiting;
    expect(urls(scene)).toEqual(["https://two/version", "https://two/api"]);
    expect(scene.runtime.exchanges[1]?.headers.has("authorization")).toBe(false);
    expect(scene.runtime.exchanges[1]?.body).toBe('{"a":1}');
  });

  test("never sends a stream again that was read", async () => {
    const scene = await following(one);
    const { kube, runtime } = scene;
    const body = streamOf("once");
    runtime.answer = async () => {
      await new Response(body).text();
      return new Response("{}", { status: 401 });
    };
    await runtime.clock.advance(500);
    scene.config = two;
    expect((await kube.fetch("/api", { method: "POST", body })).status).toBe(401);
    expect(urls(scene)).toHaveLength(1);
  });

  test("never sends a URL of the old server to the new one", async () => {
    const scene = await following(one);
    const { kube, runtime } = scene;
    runtime.answer = () => new Response("{}", { status: 401 });
    await runtime.clock.advance(500);
    scene.config = two;
    await expect(kube.fetch("https://one/base/api")).rejects.toThrow(TypeError);
    expect(urls(scene)).toEqual(["https://one/base/api"]);
  });

  test("continues with the old config if the new one can't be used, and tries that again after a second", async () => {
    const scene = await following(one);
    const { kube, runtime, events } = scene;
    scene.config = { server: "https://two", proxy: "nonsense" };
    await runtime.clock.advance(INTERVAL_MS);
    await kube.get("/api");
    await kube.get("/api");
    expect(kube.server).toBe("https://one/base");
    const failures = (): ReanchorEvent[] => events.filter(({ type }) => type === "reload-failed");
    expect(failures()).toHaveLength(1);
    expect(failures()[0]).toMatchObject({ kind: "kubeconfig", retryInMs: 1_000 });
    await runtime.clock.advance(1_000);
    await kube.get("/api");
    expect(failures()).toHaveLength(2);
  });

  test("waits for the new config's credentials no longer than timeoutMs, its signal or its own lifetime", async () => {
    const scene = await following(one);
    const { kube, runtime } = scene;
    const hangs = bindFunctionTokenSource(runtime)(() => new Promise<string>(() => {}), {
      readTimeoutMs: 600_000,
    });
    scene.config = { server: "https://two", token: hangs };
    await runtime.clock.advance(INTERVAL_MS);
    const late = rejection(kube.get("/api", { timeoutMs: 1_000 }));
    const abort = new AbortController();
    const aborted = rejection(kube.get("/api", { signal: abort.signal }));
    const closed = rejection(kube.get("/api"));
    await runtime.clock.advance(1_000);
    expect(await late).toMatchObject({ code: "ERR_REANCHOR_TIMEOUT" });
    abort.abort(new Error("enough"));
    expect(await aborted).toMatchObject({ message: "enough" });
    await kube.close();
    expect(await closed).toMatchObject({ code: "ERR_REANCHOR_CLOSED" });
    expect(urls(scene)).toEqual([]);
  });

  test("moves to the newest config if it changes again meanwhile", async () => {
    const scene = await following(one);
    const { kube, runtime } = scene;
    let open = (): void => {};
    const read = async (): Promise<string> => {
      await new Promise<void>((resolve) => {
        open = resolve;
      });
      return "two";
    };
    const slow = bindFunctionTokenSource(runtime)(read, { readTimeoutMs: 600_000 });
    scene.config = { server: "https://two", token: slow };
    await runtime.clock.advance(INTERVAL_MS);
    const first = kube.get("/first");
    await settled();
    scene.config = { server: "https://three" };
    await runtime.clock.advance(INTERVAL_MS);
    const second = kube.get("/second");
    await settled();
    open();
    await Promise.all([first, second]);
    expect(urls(scene).toSorted()).toEqual(["https://three/first", "https://three/second"]);
  });

  test("opens one connection for a thousand callers", async () => {
    const scene = await following(one);
    scene.config = two;
    await scene.runtime.clock.advance(INTERVAL_MS);
    await Promise.all(Array.from({ length: 1_000 }, () => scene.kube.get("/api")));
    expect(scene.reads).toBe(2);
    expect(scene.runtime.transports.filter(({ retired }) => !retired)).toHaveLength(1);
  });

  test("ends requests in flight on every server when it is closed", async () => {
    const scene = await following(one);
    const { kube, runtime } = scene;
    runtime.answer = untilAborted;
    const first = kube.get("/api").catch((error: unknown) => error);
    await new Promise((resolve) => void setTimeout(resolve, 0));
    scene.config = two;
    await runtime.clock.advance(INTERVAL_MS);
    const second = kube.get("/api").catch((error: unknown) => error);
    await new Promise((resolve) => void setTimeout(resolve, 0));
    expect(urls(scene)).toHaveLength(2);
    await kube.close();
    expect(await first).toMatchObject({ code: "ERR_REANCHOR_CLOSED" });
    expect(await second).toMatchObject({ code: "ERR_REANCHOR_CLOSED" });
    expect(kube.status().closed).toBe(true);
    await expect(kube.get("/api")).rejects.toMatchObject({ code: "ERR_REANCHOR_CLOSED" });
  });
});
