/**
 * Requests through a proxy, with the same trust and the same rotations.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import {
  ConfigError,
  ConnectionError,
  type KubeClient,
  type TransportSettings,
  UntrustedServerError,
} from "../../src/index.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { traits } from "./support/traits.ts";
import {
  connectClient,
  control,
  createVolume,
  observe,
  rejection,
  startCluster,
  until,
} from "./support/scene.ts";
import { type ProxyScheme, startProxy } from "./support/proxies.ts";

const schemes = ["http", "https", "socks5"] as const;

/** The kinds that this runtime declares. The others are shown to be rejected below. */
const able = schemes.filter((scheme) => entry.runtime.capabilities.proxies.includes(scheme));

/** A cluster, a proxy, and a client that uses it. */
async function connectThrough(scheme: ProxyScheme, settings: TransportSettings = {}) {
  const { ca, server } = await startCluster();
  const proxy = await startProxy(scheme, ca);
  const config = { server: server.origin, proxy: proxy.url, ca: entry.staticCaSource(ca.pem) };
  const { kube } = await connectClient({ config, ...settings });
  return { server, proxy, kube };
}

describe.each(able)("an %s proxy", (scheme) => {
  test("get() uses it, and trusts only the server", async () => {
    const { server, proxy, kube } = await connectThrough(scheme);
    await kube.get("/version");
    expect((await proxy.stats()).targets).toEqual([`127.0.0.1:${server.port}`]);
  });

  test("get() reaches a name that only the proxy can resolve", async () => {
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts: ["api.internal"] }), ca);
    const proxy = await startProxy(scheme, ca);
    const { kube } = await connectClient({
      config: {
        server: `https://api.internal:${server.port}`,
        proxy: proxy.url,
        ca: entry.staticCaSource(ca.pem),
      },
    });
    await kube.get("/version");
    expect((await proxy.stats()).targets).toEqual([`api.internal:${server.port}`]);
  });

  test("get() survives a rotation without overlap through it", async () => {
    const proxyCa = await createCa({ commonName: "proxy" });
    const { ca, server } = await startCluster();
    const next = await createCa();
    const proxy = await startProxy(scheme, proxyCa);
    const volume = await createVolume({ ca: `${ca.pem}${proxyCa.pem}` });
    const { kube, events } = await connectClient({
      config: {
        server: server.origin,
        proxy: proxy.url,
        ca: entry.fileCaSource(volume.caFile, { cooldownMs: 1 }),
      },
    });
    await kube.get("/version");
    await server.restart(await next.issue());
    await volume.write({ ca: `${next.pem}${proxyCa.pem}` });
    await kube.get("/version");
    expect(events.filter(({ type }) => type === "ca-reloaded")).toHaveLength(1);
    expect((await proxy.stats()).targets.length).toBeGreaterThanOrEqual(2);
  });

  test("get() rejects through it a server that no anchor vouches for", async () => {
    const { ca, server } = await startCluster({}, await createCa({ commonName: "stranger" }));
    const own = await createCa({ commonName: "own" });
    const proxy = await startProxy(scheme, own);
    const { kube } = await connectClient({
      config: { server: server.origin, proxy: proxy.url, ca: entry.staticCaSource(own.pem) },
    });
    const error = await rejection(kube.get("/version"));
    expect(error).toBeInstanceOf(UntrustedServerError);
    expect(ca.pem).not.toBe(own.pem);
  });

  test("get() sends the proxy its credentials, and the server the client's", async () => {
    const { ca, server } = await startCluster({ token: "sesame" });
    const proxy = await startProxy(scheme, ca, { credentials: "me:p@ss" });
    const url = proxy.url.replace("://", "://me:p%40ss@");
    const config = {
      server: server.origin,
      ca: entry.staticCaSource(ca.pem),
      token: entry.staticTokenSource("sesame"),
    };
    if (!traits.keepsProxyCredentials && scheme !== "socks5") {
      // Deno would send them to the server as well.
      const refusal = await rejection(entry.connect({ config: { ...config, proxy: url } }));
      expect(refusal).toBeInstanceOf(ConfigError);
      return;
    }
    const { kube } = await connectClient({ config: { ...config, proxy: url } });
    await kube.get("/version");
    expect((await proxy.stats()).refused).toBe(0);
    const [request] = await server.requests();
    expect(request?.headers["proxy-authorization"]).toBeUndefined();

    const { kube: stranger } = await connectClient({
      config: { ...config, proxy: proxy.url.replace("://", "://me:wrong@") },
    });
    const error = await rejection(stranger.get("/version"));
    expect(error).toBeInstanceOf(ConnectionError);
    // Other runtimes do not report the reason.
    if (traits.hasOwnTunnels && scheme !== "socks5") {
      expect(String(error)).toMatch(/answered CONNECT with 407; put a user and a password/);
    }
    expect(String(error)).not.toMatch(/wrong|p@ss|p%40ss|sesame/);
    expect((await proxy.stats()).targets).toHaveLength(1);
  });

  test("get() keeps one connection alive through it", async () => {
    const { proxy, kube } = await connectThrough(scheme);
    for (let round = 0; round < 10; round++) {
      await kube.get("/version");
      await new Promise((resolve) => void setTimeout(resolve, 0));
    }
    expect((await proxy.stats()).targets).toHaveLength(1);
  });

  test("a body continues through it beyond the connect timeout", async () => {
    const { server, kube } = await connectThrough(scheme, { connectTimeoutMs: 250 });
    const held = await kube.fetch("/held-body?key=long");
    await server.held("long");
    // The limit is the runtime's own timer, so the test waits for it.
    await new Promise((resolve) => void setTimeout(resolve, 600));
    await server.release("long");
    expect((await held.text()).length).toBeGreaterThan(0);
  });

  test("close() leaves no connection to it", async () => {
    const { server, proxy, kube } = await connectThrough(scheme);
    const held = await kube.fetch("/held-body?key=proxy");
    await server.held("proxy");
    await kube.close();
    await expect(held.text()).rejects.toThrow();
    if (!entry.runtime.capabilities.closesIdleConnections) return;
    for (let look = 0; (await proxy.stats()).open > 0; look++) {
      expect(look).toBeLessThan(100);
      await new Promise((resolve) => void setTimeout(resolve, 20));
    }
  });
});

test("connect() rejects an https proxy that would receive the client certificate", async () => {
  const ca = await createCa();
  const { cert, key } = await ca.issue({ client: true });
  const config = {
    server: "https://10.96.0.1",
    ca: entry.staticCaSource(ca.pem),
    clientCert: entry.staticClientCertSource({ certificate: cert, key }),
    proxy: "https://proxy.internal",
  };
  const outcome = await entry.connect({ config }).catch((error: unknown) => error);
  // On Node the tunnel is our own, and sends the proxy no certificate.
  if (traits.hasOwnTunnels) await (outcome as KubeClient).close();
  else expect(outcome).toBeInstanceOf(ConfigError);
});

test("get() names an https proxy that no anchor vouches for, and reloads the bundle for it", async () => {
  const { ca, server } = await startCluster();
  const proxyCa = await createCa({ commonName: "proxy" });
  const proxy = await startProxy("https", proxyCa);
  const volume = await createVolume({ ca: ca.pem });
  const trust = entry.fileCaSource(volume.caFile, { cooldownMs: 1 });
  const config = { server: server.origin, proxy: proxy.url, ca: trust };
  const { kube } = await connectClient({ config });
  const error = await rejection(kube.get("/version"));
  expect(error).toMatchObject({
    name: "UntrustedServerError",
    reason: "unknown-authority",
    // Other runtimes do not report which of the two it was.
    server: traits.hasOwnTunnels ? proxy.url : server.origin,
  });
  expect((await proxy.stats()).targets).toEqual([]);
  await volume.write({ ca: ca.pem + proxyCa.pem });
  await kube.get("/version");
});

test("get() throws a ConnectionError that names the proxy when nothing listens at its address", async () => {
  const { ca, server } = await startCluster();
  const { kube } = await connectClient({
    config: {
      server: server.origin,
      proxy: "http://127.0.0.1:1",
      ca: entry.staticCaSource(ca.pem),
    },
  });
  expect(await rejection(kube.get("/version"))).toBeInstanceOf(ConnectionError);
  expect((await server.stats()).connections).toBe(0);
});

describe.each(able)("an %s proxy that stays silent", (scheme) => {
  /** A client that waits for the proxy, with time limits long enough to be noticed. */
  async function connectToSilence() {
    const hole = await control.blackhole();
    onTestFinished(() => hole.close());
    const { kube } = await connectClient({
      config: {
        server: "https://api.internal",
        proxy: `${scheme}://127.0.0.1:${hole.port}`,
        ca: entry.staticCaSource((await createCa()).pem),
      },
      timeoutMs: Number.POSITIVE_INFINITY,
      connectTimeoutMs: 600_000,
    });
    const isOpen = async (): Promise<boolean> => (await hole.stats()).open > 0;
    return { kube, isOpen };
  }

  test("abort() of the last waiting request ends the attempt", async () => {
    const { kube, isOpen } = await connectToSilence();
    const [first, second] = [new AbortController(), new AbortController()];
    const [one, two] = [first, second].map(({ signal }) =>
      rejection(kube.fetch("/version", { signal })),
    );
    await until("it is asked", isOpen);
    first.abort(new Error("enough"));
    expect(await one).toMatchObject({ message: "enough" });
    second.abort(new Error("enough"));
    expect(await two).toMatchObject({ message: "enough" });
    await until("the attempt has ended", async () => !(await isOpen()));
  });

  test("timeoutMs ends the attempt", async () => {
    const { kube, isOpen } = await connectToSilence();
    const error = await rejection(kube.fetch("/version", { timeoutMs: 300 }));
    expect(error).toMatchObject({ name: "TimeoutError" });
    await until("the attempt has ended", async () => !(await isOpen()));
  });

  test("close() ends the attempt, and waits for nothing", async () => {
    const { kube, isOpen } = await connectToSilence();
    const waiting = rejection(kube.fetch("/version"));
    await until("it is asked", isOpen);
    await kube.close();
    expect(await waiting).toMatchObject({ name: "ClosedError" });
    await until("the attempt has ended", async () => !(await isOpen()));
  });
});

const unable = schemes.filter((scheme) => !able.includes(scheme));

test("connect() rejects at once the kinds that the runtime does not support", async () => {
  expect([...able, ...unable].sort()).toEqual([...schemes].sort());
  const ca = entry.staticCaSource((await createCa()).pem);
  for (const proxy of [...unable.map((scheme) => `${scheme}://proxy:1`), "ftp://proxy", "proxy"]) {
    const config = { server: "https://10.96.0.1", ca, proxy };
    expect(await rejection(entry.connect({ config }))).toBeInstanceOf(ConfigError);
  }
});

test("createFetch() uses a proxy", async () => {
  const { ca, server } = await startCluster();
  const proxy = await startProxy("http", ca);
  await using fetch = entry.createFetch({
    ca: entry.staticCaSource(ca.pem),
    proxy: proxy.url,
  });
  expect((await fetch(`${server.origin}/version`)).status).toBe(200);
  expect((await proxy.stats()).targets).toHaveLength(1);
});

// Deno uses the environment that it was started with, by its own rules. It declares this.
if (!entry.runtime.capabilities.followsProxyEnvironment) {
  test("connect() uses HTTPS_PROXY and NO_PROXY, and no proxy if config says false", async () => {
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts: ["api.internal"] }), ca);
    const proxy = await startProxy("http", ca);
    const origin = `https://api.internal:${server.port}`;
    const variables = new Map([["HTTPS_PROXY", proxy.url]]);
    const run = async (extra: { proxy?: false } = {}): Promise<unknown> => {
      const runtime = { ...entry.runtime, env: (name: string) => variables.get(name) };
      const config = { server: origin, ca: entry.staticCaSource(ca.pem), ...extra };
      const { kube } = await observe(runtime, { config });
      return await kube.get("/version", { timeoutMs: 5_000 }).catch((error: unknown) => error);
    };
    expect(await run()).toMatchObject({ major: expect.anything() });
    expect((await proxy.stats()).targets).toHaveLength(1);
    // Without a proxy, a name that does not exist is not found.
    expect(await run({ proxy: false })).toBeInstanceOf(ConnectionError);
    variables.set("NO_PROXY", "10.0.0.0/8,.internal");
    expect(await run()).toBeInstanceOf(ConnectionError);
    expect((await proxy.stats()).targets).toHaveLength(1);
  });
}
