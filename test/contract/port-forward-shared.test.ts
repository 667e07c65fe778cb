/**
 * Forwarded connections that share one connection to the API server.
 *
 * @module
 */

import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { ConnectionError } from "../../src/index.ts";
import {
  type ForwardedConnection,
  Pod,
  type PortForwardOptions,
} from "../../src/resources/index.ts";
import { bindFileCaSource } from "../../src/sources/ca-source.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import {
  connectClient,
  connectTimed,
  createVolume,
  rejection,
  startCluster,
  until,
} from "./support/scene.ts";

const options: PortForwardOptions = { connections: "shared" };

async function start() {
  const { ca, server } = await startCluster();
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  const { kube } = await connectClient({ config });
  return { server, kube, pods: kube.resource(Pod) };
}

/** The bytes that the pod sends back. */
async function echo({ readable, writable }: ForwardedConnection, text: string): Promise<string> {
  const writer = writable.getWriter();
  const reader = readable.getReader();
  await writer.write(new TextEncoder().encode(text));
  const { value } = await reader.read();
  writer.releaseLock();
  reader.releaseLock();
  return new TextDecoder().decode(value);
}

test("listen() forwards connections over a single one to the API server when they are shared", async () => {
  const { pods, server } = await start();
  const listener = await (await pods.portForward("web", 8080, options)).listen();
  for (let round = 1; round <= 3; round++) {
    const answers = Array.from({ length: 50 }, async (_, index) => {
      const socket = connect({ host: "127.0.0.1", port: listener.port });
      socket.write(`hello ${index}`);
      const [data] = (await once(socket, "data")) as [Buffer];
      socket.destroy();
      await once(socket, "close");
      return data.toString();
    });
    expect(await Promise.all(answers)).toEqual(answers.map((_, index) => `hello ${index}`));
    expect(await server.stats()).toMatchObject({ requests: 1, forwarded: 50 * round });
  }
  await listener.close();
  await until("it is closed with the listener", async () => (await server.stats()).open === 0);
});

test("connect() shares an existing connection, and closes it with the last user", async () => {
  const { pods, server } = await start();
  const tunnel = await pods.portForward("web", 8080, options);
  const [first, second] = [await tunnel.connect(), await tunnel.connect()];
  expect([await echo(first, "one"), await echo(second, "two")]).toEqual(["one", "two"]);
  expect((await server.stats()).requests).toBe(1);
  await first.close();
  expect(await echo(second, "still")).toBe("still");
  await second.close();
  await until("it is closed", async () => (await server.stats()).open === 0);
  const third = await tunnel.connect();
  expect(await echo(third, "anew")).toBe("anew");
  await third.close();
});

test("connect() reports a pod's error for one shared connection, and does not affect the others", async () => {
  const { pods } = await start();
  const [alive, tunnel] = await Promise.all([
    (await pods.portForward("web", 8080, options)).connect(),
    pods.portForward("web", 1, options),
  ]);
  const error = await rejection(new Response((await tunnel.connect()).readable).text());
  expect(String(error)).toMatch(/port 1 of Pod default\/web: .*connection refused/);
  expect(await echo(alive, "alive")).toBe("alive");
  await alive.close();
});

test("connect() fails all shared connections when theirs is cut, and opens a new one for the next", async () => {
  const { pods, server } = await start();
  const tunnel = await pods.portForward("web", 8080, options);
  const connections = [await tunnel.connect(), await tunnel.connect()];
  await server.dropConnections();
  for (const { readable } of connections) {
    expect(await rejection(readable.getReader().read())).toBeInstanceOf(ConnectionError);
  }
  const next = await tunnel.connect();
  expect(await echo(next, "anew")).toBe("anew");
  await next.close();
});

test("connect() fails all waiting callers when a shared connection is rejected, and retries for the next one", async () => {
  const { pods, server } = await start();
  const tunnel = await pods.portForward("forbidden", 8080, options);
  const errors = await Promise.all([tunnel.connect(), tunnel.connect()].map(rejection));
  expect(errors).toMatchObject([{ status: 403 }, { status: 403 }]);
  expect((await server.stats()).requests).toBe(1);
  expect(await rejection(tunnel.connect())).toMatchObject({ status: 403 });
  expect((await server.stats()).requests).toBe(2);
});

test("connect() opens separate connections if the server does not support sharing", async () => {
  const { pods, server } = await start();
  const tunnel = await pods.portForward("old", 8080, options);
  const connections = await Promise.all([tunnel.connect(), tunnel.connect(), tunnel.connect()]);
  expect(await Promise.all(connections.map((each) => echo(each, "old")))).toEqual([
    "old",
    "old",
    "old",
  ]);
  expect((await server.stats()).requests).toBe(3);
  for (const each of connections) await each.close();
});

test("connect() does not wait behind a shared connection with a slow reader", async () => {
  const { pods, server } = await start();
  const tunnel = await pods.portForward("web", 3, options);
  const flooded = await tunnel.connect();
  await until("the reader has enough to read", async () => {
    const next = await tunnel.connect();
    await next.close();
    return (await server.stats()).requests > 1;
  });
  await flooded.close();
  await until("all is closed", async () => (await server.stats()).open === 0);
});

test("connect() opens a new shared connection after a rotation, while the old ones continue until drainTimeoutMs", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const { kube, clock } = await connectTimed((runtime) => ({
    config: {
      server: server.origin,
      ca: bindFileCaSource(runtime)(volume.caFile, { reloadIntervalMs: 1_000 }),
    },
    drainTimeoutMs: 5_000,
  }));
  const tunnel = await kube.resource(Pod).portForward("web", 8080, options);
  const before = await tunnel.connect();
  const next = await createCa();
  await volume.write({ ca: next.pem });
  await server.swap(await next.issue());
  await clock.advance(1_000); // The bundle is reloaded.
  const after = await tunnel.connect();
  expect(kube.status().generations.map(({ retired }) => retired)).toEqual([true, false]);
  expect([await echo(before, "old"), await echo(after, "new")]).toEqual(["old", "new"]);
  const third = await tunnel.connect();
  expect((await server.stats()).handshakes).toBe(2);
  await clock.advance(5_000);
  expect(String(await rejection(before.readable.getReader().read()))).toMatch(
    /its trust was replaced, and drainTimeoutMs \(5000 ms\) has passed since/,
  );
  expect(await echo(third, "third")).toBe("third");
  await kube.close();
});
