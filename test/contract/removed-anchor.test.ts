/**
 * Clause f: an anchor that was removed is no longer trusted.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { TestServer } from "../support/api-server.ts";
import { authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import { hasExclusiveTransport, traits } from "./support/traits.ts";
import { openFileCluster, rejection, until } from "./support/scene.ts";

const { closesIdleConnections } = entry.runtime.capabilities;

async function openConnections(server: TestServer): Promise<number> {
  return (await server.stats()).open;
}

describe.each(authorityKinds)("$kind", ({ next, settings }) => {
  test("fetch() rejects a removed anchor on the next new connection", async () => {
    const successor = await next();
    const { server, volume, kube } = await openFileCluster({
      ca: await next(),
      others: successor.pem,
      source: { reloadIntervalMs: 0 },
      connect: { trustWaitMs: 0, ...settings },
    });
    await kube.get("/version");
    const { requests } = await server.stats();

    await volume.write({ ca: successor.pem });
    const error = await rejection(kube.get("/version"));
    expect(error).toBeInstanceOf(entry.UntrustedServerError);
    expect((await server.stats()).requests).toBe(requests);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "fetch() resumes no session of the old generation over %s",
    async (version) => {
      const versions = { minVersion: version, maxVersion: version };
      const successor = await next();
      const { ca, server, volume, kube } = await openFileCluster({
        ca: await next(),
        server: versions,
        source: { reloadIntervalMs: 0 },
        connect: { trustWaitMs: 0, ...settings },
      });

      async function openAnother(): Promise<void> {
        const [held] = await Promise.all([kube.fetch("/held-body?key=busy"), server.held("busy")]);
        await kube.get("/version");
        await server.release("busy");
        await held.text();
      }
      await kube.get("/version");
      if (!traits.resumesSessions || (hasExclusiveTransport && settings.exclusiveTrust === true)) {
        // Bun resumes no session if a callback verifies the server, and Deno's `node:tls` keeps no sessions.
        // So none can outlive its trust.
        await openAnother();
        await openAnother();
        const { connections, resumed } = await server.stats();
        expect(connections).toBeGreaterThan(1);
        expect(resumed).toBe(0);
      } else {
        // There is a session to resume: within the generation it is resumed, if one connection is not enough.
        await until("a session has been resumed", async () => {
          await server.dropConnections();
          await kube.get("/version");
          await openAnother();
          return (await server.stats()).resumed > 0;
        });
      }
      const { requests } = await server.stats();

      // The server has not changed, and would resume.
      await volume.write({ ca: successor.pem });
      const error = await rejection(kube.get("/version"));
      expect(error).toBeInstanceOf(entry.UntrustedServerError);
      expect((await server.stats()).requests).toBe(requests);

      await volume.write({ ca: ca.pem });
      expect(await kube.get("/version")).toHaveProperty("gitVersion");
    },
  );

  test("idle connections of the old generation close at once", async () => {
    const scene = await openFileCluster({ ca: await next(), connect: settings });
    const { server, volume, source, kube } = scene;
    await Promise.all([kube.get("/version"), kube.get("/version"), kube.get("/version")]);
    const open = await openConnections(server);
    expect(open).toBeGreaterThan(0);

    await volume.write({ ca: (await next()).pem });
    await source.reload(); // This needs no request.
    if (closesIdleConnections) {
      await until("they are closed", async () => (await openConnections(server)) === 0, 3_000);
    } else {
      // Declared: they stay until they time out, and nothing more is sent on them.
      const { requests } = await server.stats();
      expect(await rejection(kube.get("/version"))).toBeInstanceOf(entry.UntrustedServerError);
      expect((await server.stats()).requests).toBe(requests);
      expect(await openConnections(server)).toBe(open);
    }
  });

  test.each([false, true])(
    "a response that streams across a rotation arrives completely (HTTP/2 offered: %s)",
    async (http2) => {
      const successor = await next();
      const { server, volume, kube } = await openFileCluster({
        ca: await next(),
        server: { http2 },
        source: { reloadIntervalMs: 0 },
        connect: settings,
      });
      const response = await kube.fetch("/held-body?key=across");
      const waiting = kube.fetch("/held-headers?key=later");
      await server.held("across");
      await server.held("later");

      await server.swap(await successor.issue());
      await volume.write({ ca: successor.pem });
      await kube.get("/version");
      expect(kube.status().generations.at(-1)).toMatchObject({ generation: 2, retired: false });

      await server.release("across");
      await server.release("later");
      expect(await response.text()).toBe("first\nsecond\n");
      expect((await waiting).status).toBe(200);
      await (await waiting).text();
      await until("the old generation is gone", () => kube.status().generations.length === 1);
      if (closesIdleConnections) {
        await until("its connections too", async () => (await openConnections(server)) === 1);
      }
    },
  );

  test("drainTimeoutMs ends the requests of an old generation", async () => {
    const scene = await openFileCluster({
      ca: await next(),
      connect: { ...settings, drainTimeoutMs: 100 },
    });
    const { ca, volume, source, kube } = scene;
    const response = await kube.fetch("/held-body?key=drained");
    await volume.write({ ca: ca.pem + (await next()).pem });
    await source.reload();
    await rejection(response.text());
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
  });
});
