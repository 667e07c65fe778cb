/**
 * Clause f: an anchor that was removed is trusted no more.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import { connectClient, createVolume, rejection, startCluster, until } from "./support/scene.ts";

describe.each(authorityKinds)("$kind", ({ next }) => {
  test("fetch() refuses a removed anchor on the next new connection", async () => {
    const { ca, server } = await startCluster({}, await next());
    const successor = await next();
    const volume = await createVolume({ ca: ca.pem + successor.pem });
    const source = entry.fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
    const { kube } = await connectClient({ config: { server: server.origin, ca: source } });
    await kube.get("/version");
    const { requests } = await server.stats();

    await volume.write({ ca: successor.pem });
    const error = await rejection(kube.get("/version"));
    expect(error).toBeInstanceOf(entry.UntrustedServerError);
    expect((await server.stats()).requests).toBe(requests);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "fetch() accepts no session of the old generation over %s",
    async (version) => {
      const versions = { minVersion: version, maxVersion: version };
      const { ca, server } = await startCluster(versions, await next());
      const successor = await next();
      const volume = await createVolume({ ca: ca.pem });
      const source = entry.fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
      const { kube } = await connectClient({ config: { server: server.origin, ca: source } });
      // There is a session to resume: within the generation it is, where one connection is not enough.
      await kube.get("/version");
      await until("a session has been resumed", async () => {
        await kube.fetch("/held-body?key=busy");
        await kube.get("/version");
        return (await server.stats()).resumed > 0;
      });
      const { requests } = await server.stats();

      // The server goes on as it was, and would resume.
      await volume.write({ ca: successor.pem });
      const error = await rejection(kube.get("/version"));
      expect(error).toBeInstanceOf(entry.UntrustedServerError);
      expect((await server.stats()).requests).toBe(requests);

      await volume.write({ ca: ca.pem });
      expect(await kube.get("/version")).toHaveProperty("gitVersion");
    },
  );
});

test("idle connections of the old generation close within a second", async () => {
  const { next } = authorityKinds[0] as (typeof authorityKinds)[number];
  const { ca, server } = await startCluster({}, await next());
  const volume = await createVolume({ ca: ca.pem });
  const source = entry.fileCaSource(volume.caFile);
  const { kube } = await connectClient({ config: { server: server.origin, ca: source } });
  await Promise.all([kube.get("/version"), kube.get("/version"), kube.get("/version")]);
  expect((await server.stats()).open).toBeGreaterThan(0);

  await volume.write({ ca: (await next()).pem });
  await source.reload(); // No request is needed.
  if (entry.runtime.capabilities.closesIdleConnections) {
    await until("they are closed", async () => (await server.stats()).open === 0, 1_000);
  } else {
    // Declared: Bun keeps them until they time out, and sends nothing more on them.
    const { requests } = await server.stats();
    expect(await rejection(kube.get("/version"))).toBeInstanceOf(entry.UntrustedServerError);
    expect((await server.stats()).requests).toBe(requests);
  }
});

test.each([false, true])(
  "a response that is streamed across a rotation arrives whole (HTTP/2 offered: %s)",
  async (http2) => {
    const { next } = authorityKinds[0] as (typeof authorityKinds)[number];
    const { ca, server } = await startCluster({ http2 }, await next());
    const successor = await next();
    const volume = await createVolume({ ca: ca.pem });
    const source = entry.fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
    const { kube } = await connectClient({ config: { server: server.origin, ca: source } });
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
  },
);

test("drainTimeoutMs ends what an old generation still carries", async () => {
  const { next } = authorityKinds[0] as (typeof authorityKinds)[number];
  const { ca, server } = await startCluster({}, await next());
  const volume = await createVolume({ ca: ca.pem });
  const source = entry.fileCaSource(volume.caFile);
  const { kube } = await connectClient({
    config: { server: server.origin, ca: source },
    drainTimeoutMs: 100,
  });
  const response = await kube.fetch("/held-body?key=drained");
  await volume.write({ ca: ca.pem + (await next()).pem });
  await source.reload();
  await rejection(response.text());
  expect(await kube.get("/version")).toHaveProperty("gitVersion");
});
