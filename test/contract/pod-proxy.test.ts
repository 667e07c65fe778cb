/**
 * Streams into pods through a proxy, with the same trust and the same rotations.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import { ConnectionError, UntrustedServerError } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import {
  connectClient,
  control,
  createVolume,
  rejection,
  startCluster,
  until,
} from "./support/scene.ts";
import { startProxy } from "./support/proxies.ts";

const { proxies } = entry.runtime.capabilities;

describe.each(proxies)("an %s proxy", (scheme) => {
  test("exec() and portForward() use it, with a connection of their own each", async () => {
    const { ca, server } = await startCluster();
    const proxy = await startProxy(scheme, ca);
    const config = {
      server: server.origin,
      proxy: proxy.url,
      ca: entry.staticCaSource(ca.pem),
    };
    const { kube } = await connectClient({ config });
    const pods = kube.resource(Pod);
    const stdin = "ab".repeat(1_000_000);
    expect((await pods.execText("web", ["cat"], { stdin })).stdout === stdin).toBe(true);
    expect(await pods.execText("web", ["exit", "3"])).toMatchObject({ code: 3 });
    const { readable, writable } = await (await pods.portForward("web", 8080)).connect();
    await writable.getWriter().write(new TextEncoder().encode("hello"));
    const { value } = await readable.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("hello");
    const target = `127.0.0.1:${server.port}`;
    expect((await proxy.stats()).targets).toEqual([target, target, target]);
    await kube.close();
    await until("all is closed", async () => (await proxy.stats()).open === 0);
  });

  test("exec() survives a rotation without overlap through it, and a running one continues", async () => {
    const proxyCa = await createCa({ commonName: "proxy" });
    const { ca, server } = await startCluster();
    const next = await createCa();
    const proxy = await startProxy(scheme, proxyCa);
    const volume = await createVolume({ ca: ca.pem + proxyCa.pem });
    const { kube, events } = await connectClient({
      config: {
        server: server.origin,
        proxy: proxy.url,
        ca: entry.fileCaSource(volume.caFile, { cooldownMs: 1 }),
      },
    });
    const pods = kube.resource(Pod);
    const run = await pods.exec("web", ["cat"], { stdin: "pipe" });
    await server.swap(await next.issue());
    await volume.write({ ca: next.pem + proxyCa.pem });
    expect(await pods.execText("web", ["exit", "0"])).toMatchObject({ code: 0 });
    expect(events.filter(({ type }) => type === "ca-reloaded")).toHaveLength(1);
    expect(events).toContainEqual(
      expect.objectContaining({ type: "retry", reason: "untrusted-server" }),
    );
    const writer = run.stdin.getWriter();
    await writer.write(new TextEncoder().encode("still here"));
    await writer.close();
    expect(await new Response(run.stdout).text()).toBe("still here");
    expect(await run.exit).toEqual({ code: 0 });
  });

  test("exec() sends nothing through it to a server that no anchor vouches for", async () => {
    const { server } = await startCluster({}, await createCa({ commonName: "stranger" }));
    const own = await createCa({ commonName: "own" });
    const proxy = await startProxy(scheme, own);
    const { kube } = await connectClient({
      config: { server: server.origin, proxy: proxy.url, ca: entry.staticCaSource(own.pem) },
    });
    const error = await rejection(kube.resource(Pod).exec("web", ["cat"]));
    expect(error).toBeInstanceOf(UntrustedServerError);
    expect((await server.stats()).requests).toBe(0);
  });

  test("exec() names the proxy when nothing listens at its address, and ends by its signal while the proxy is silent", async () => {
    const ca = entry.staticCaSource((await createCa()).pem);
    const server = "https://api.internal";
    const closed = await connectClient({
      config: { server, proxy: `${scheme}://127.0.0.1:1`, ca },
    });
    const error = await rejection(closed.kube.resource(Pod).exec("web", ["cat"]));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String(error)).toContain(`the proxy ${scheme}://127.0.0.1:1 can't be used`);
    const hole = await control.blackhole();
    onTestFinished(() => hole.close());
    const { kube } = await connectClient({
      config: { server, proxy: `${scheme}://127.0.0.1:${hole.port}`, ca },
      connectTimeoutMs: 600_000,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
    const stop = new AbortController();
    const { signal } = stop;
    const waiting = rejection(kube.resource(Pod).exec("web", ["cat"], { signal }));
    await until("it is asked", async () => (await hole.stats()).open > 0);
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await waiting).toBe(reason);
    await until("the attempt has ended", async () => (await hole.stats()).open === 0);
  });
});
