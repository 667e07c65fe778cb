/**
 * Clause m: a signal and a time limit end a request in every phase, and nothing ends a silent body.
 *
 * Nothing here would ever end by itself, so a wait that ends was ended by the signal or the limit.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import type { CaSource, ClusterConfig, KubeClient, TokenSource } from "../../src/index.ts";
import { createCa } from "../support/pki.ts";
import { entry, lane } from "./support/entry.ts";
import {
  connectClient,
  connectTimed,
  control,
  rejection,
  startCluster,
  until,
} from "./support/scene.ts";
import { silenceLongerThanTheRuntimeAllows } from "./support/silence.ts";

/** A request that has reached its phase and stays there. */
interface Stuck {
  readonly kube: KubeClient;
  readonly path: string;
  /** Resolves when the request has arrived in its phase. */
  readonly arrived: () => Promise<void>;
  /** Resolves when nothing of it is left on the network. */
  readonly gone: () => Promise<void>;
}

/** Only the test's own limits end anything. */
const endless = { timeoutMs: Number.POSITIVE_INFINITY, connectTimeoutMs: 600_000 };
const noTrace = (): Promise<void> => Promise.resolve();

/** A read that succeeds at first and then never settles. */
function readsOnce<T>(value: T): { read: () => Promise<T>; reads: () => number } {
  let reads = 0;
  return {
    read() {
      reads += 1;
      return reads === 1 ? Promise.resolve(value) : new Promise<T>(() => {});
    },
    reads: () => reads,
  };
}

const slowSource = { reloadIntervalMs: 0, cooldownMs: 0, readTimeoutMs: 3_600_000 };

async function connectEndless(config: ClusterConfig): Promise<KubeClient> {
  return (await connectClient({ config, ...endless })).kube;
}

const phases: Record<string, () => Promise<Stuck>> = {
  async "the CA bundle's reload"() {
    const { ca, server } = await startCluster();
    const { read, reads } = readsOnce(ca.pem);
    const source: CaSource = entry.functionCaSource(read, slowSource);
    const kube = await connectEndless({ server: server.origin, ca: source });
    const arrived = (): Promise<void> => until("the bundle is read", () => reads() === 2);
    return { kube, path: "/version", arrived, gone: noTrace };
  },
  async "the CA bundle's reload after a refusal"() {
    const { server } = await startCluster();
    const { read, reads } = readsOnce((await createCa()).pem);
    const source = entry.functionCaSource(read, { ...slowSource, reloadIntervalMs: 60_000 });
    const kube = await connectEndless({ server: server.origin, ca: source });
    const arrived = (): Promise<void> => until("the bundle is read", () => reads() === 2);
    return { kube, path: "/version", arrived, gone: noTrace };
  },
  async "the wait for the cooldown after a refusal"() {
    const { server } = await startCluster();
    const other = await createCa();
    const options = { cooldownMs: 3_600_000, reloadIntervalMs: 3_600_000 };
    const source = entry.functionCaSource(() => other.pem, options);
    const kube = await connectEndless({ server: server.origin, ca: source });
    const arrived = (): Promise<void> =>
      until("the server was refused", async () => (await server.stats()).connections > 0);
    return { kube, path: "/version", arrived, gone: noTrace };
  },
  async "the token's reload"() {
    const { ca, server } = await startCluster();
    const { read, reads } = readsOnce("sesame");
    const token: TokenSource = entry.functionTokenSource(read, slowSource);
    const config = { server: server.origin, ca: entry.staticCaSource(ca.pem), token };
    const kube = await connectEndless(config);
    const arrived = (): Promise<void> => until("the token is read", () => reads() === 2);
    return { kube, path: "/version", arrived, gone: noTrace };
  },
  async "the token's reload after a 401"() {
    const { ca, server } = await startCluster({ token: "another" });
    const { read, reads } = readsOnce("sesame");
    const token = entry.functionTokenSource(read, { ...slowSource, reloadIntervalMs: 60_000 });
    const config = { server: server.origin, ca: entry.staticCaSource(ca.pem), token };
    const kube = await connectEndless(config);
    const arrived = (): Promise<void> => until("the token is read", () => reads() === 2);
    return { kube, path: "/version", arrived, gone: noTrace };
  },
  async "a handshake with a black hole"() {
    const blackhole = await control.blackhole();
    onTestFinished(() => blackhole.close());
    const source = entry.staticCaSource((await createCa()).pem);
    const kube = await connectEndless({ server: blackhole.origin, ca: source });
    const open = async (): Promise<number> => (await blackhole.stats()).open;
    return {
      kube,
      path: "/version",
      arrived: () => until("it is connected", async () => (await open()) > 0),
      gone: () => until("its socket is closed", async () => (await open()) === 0),
    };
  },
  async "a slow handshake"() {
    const { ca, server } = await startCluster({ handshakeDelayMs: 3_600_000 });
    const kube = await connectEndless({
      server: server.origin,
      ca: entry.staticCaSource(ca.pem),
    });
    const open = async (): Promise<number> => (await server.stats()).open;
    return {
      kube,
      path: "/version",
      arrived: () => until("it is connected", async () => (await open()) > 0),
      gone: noTrace,
    };
  },
  async "the wait for headers"() {
    const { ca, server } = await startCluster();
    const kube = await connectEndless({
      server: server.origin,
      ca: entry.staticCaSource(ca.pem),
    });
    return {
      kube,
      path: "/held-headers?key=phase",
      arrived: () => server.held("phase"),
      gone: () => until("its socket is closed", async () => (await server.stats()).open === 0),
    };
  },
  async "the wait that Retry-After asks for"() {
    const { ca, server } = await startCluster();
    const { kube } = await connectClient({
      config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
      ...endless,
      maxRetryAfterMs: 3_600_000,
    });
    return {
      kube,
      path: "/retry-after?after=3000",
      arrived: () => until("it was answered", async () => (await server.stats()).requests > 0),
      gone: noTrace,
    };
  },
};

for (const [phase, begin] of Object.entries(phases)) {
  describe(`during ${phase}`, () => {
    test("AbortSignal ends fetch() with its reason", async () => {
      const { kube, path, arrived, gone } = await begin();
      const abort = new AbortController();
      const pending = rejection(kube.fetch(path, { signal: abort.signal }));
      await arrived();
      const reason = new Error("enough");
      abort.abort(reason);
      expect(await pending).toBe(reason);
      await gone();
    });

    test("timeoutMs ends fetch() with a TimeoutError", async () => {
      const { kube, path, gone } = await begin();
      const error = await rejection(kube.fetch(path, { timeoutMs: 300 }));
      expect(error).toMatchObject({ name: "TimeoutError", code: "ERR_REANCHOR_TIMEOUT" });
      expect(error).toHaveProperty("message", expect.stringContaining("300 ms (timeoutMs)"));
      await gone();
    });
  });
}

test("fetch() sends nothing when its signal was already aborted", async () => {
  const { ca, server } = await startCluster();
  const { read, reads } = readsOnce(ca.pem);
  const source = entry.functionCaSource(read, slowSource);
  const kube = await connectEndless({ server: server.origin, ca: source });
  const reason = new Error("enough");
  expect(await rejection(kube.fetch("/version", { signal: AbortSignal.abort(reason) }))).toBe(
    reason,
  );
  expect(reads()).toBe(1);
  expect((await server.stats()).connections).toBe(0);
});

test("AbortSignal of one request does not affect another that waits for the same reload", async () => {
  const { ca, server } = await startCluster();
  let reads = 0;
  const finish: (() => void)[] = [];
  const source = entry.functionCaSource(
    async () => {
      reads += 1;
      if (reads === 2) await new Promise<void>((resolve) => void finish.push(resolve));
      return ca.pem;
    },
    { ...slowSource, reloadIntervalMs: 10 },
  );
  const kube = await connectEndless({ server: server.origin, ca: source });
  await until("the bundle has aged", () => (source.status.ageMs ?? 0) >= 10);
  const abort = new AbortController();
  const first = rejection(kube.fetch("/version", { signal: abort.signal }));
  const second = kube.fetch("/version");
  await until("the bundle is read", () => reads === 2);
  abort.abort(new Error("enough"));
  await first;
  for (const end of finish) end();
  expect((await second).status).toBe(200);
});

/** A body that is held after its first line. */
async function startBody() {
  const { ca, server } = await startCluster();
  const { kube, clock } = await connectTimed(() => ({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
    timeoutMs: 1_000,
  }));
  const abort = new AbortController();
  const response = await kube.fetch("/held-body?key=body", { signal: abort.signal });
  return { server, clock, abort, response };
}

describe("during the body", () => {
  test("AbortSignal ends a body that is being read", async () => {
    const { server, abort, response } = await startBody();
    const reader = response.body?.getReader();
    await reader?.read();
    const next = rejection(Promise.resolve(reader?.read()));
    await server.held("body");
    abort.abort(new Error("enough"));
    // Runtimes pass on the reason, or throw their own AbortError.
    expect(await next).toBeInstanceOf(Error);
    await until("its socket is closed", async () => (await server.stats()).open === 0);
  });

  test("AbortSignal ends text()", async () => {
    const { server, abort, response } = await startBody();
    const text = rejection(response.text());
    await server.held("body");
    abort.abort(new Error("enough"));
    expect(await text).toBeInstanceOf(Error);
  });

  test("cancel() of the body closes its connection", async () => {
    const { server, response } = await startBody();
    await server.held("body");
    await response.body?.cancel();
    await until("its socket is closed", async () => (await server.stats()).open === 0);
  });

  test("timeoutMs does not end a body that is silent for 10 minutes", async () => {
    const { server, clock, response } = await startBody();
    const text = response.text();
    await server.held("body");
    await clock.advance(600_000);
    await server.release("body");
    expect(await text).toBe("first\nsecond\n");
    expect(clock.pending).toBe(0);
  });

  test(`${lane} does not end a body that is silent for longer than its own limit`, async () => {
    await silenceLongerThanTheRuntimeAllows();
  });
});
