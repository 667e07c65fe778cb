/**
 * Connections to the ports of pods.
 *
 * @module
 */

import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { ConnectionError } from "../../src/index.ts";
import { Deployment, Pod, Service } from "../../src/resources/index.ts";
import { DEFAULT_KINDS } from "../../src/testing/model/served-kinds.ts";
import { entry } from "./support/entry.ts";
import { connectClient, rejection, startCluster, until } from "./support/scene.ts";

const services = {
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  namespaced: true,
};

/** A server, and the verbs of a client. */
async function start() {
  const { ca, server } = await startCluster({ fakeApi: { kinds: [...DEFAULT_KINDS, services] } });
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  const { kube } = await connectClient({ config });
  return { server, kube, pods: kube.resource(Pod) };
}

/** The SPDY tunnel, and the older protocol. */
const names = ["web", "old"] as const;

test.each(names)("portForward() carries bytes both ways (%s)", async (name) => {
  const { pods, server } = await start();
  const tunnel = await pods.portForward(name, 8080);
  const { readable, writable } = await tunnel.connect();
  const sent = crypto.getRandomValues(new Uint8Array(60_000));
  const writer = writable.getWriter();
  const writing = (async () => {
    for (let index = 0; index < 20; index += 1) await writer.write(sent);
    if (name === "web") await writer.close();
  })();
  const reader = readable.getReader();
  let size = 0;
  while (size < 20 * sent.length) {
    const { value } = await reader.read();
    size += value?.length ?? Number.NaN;
  }
  await writing;
  expect(size).toBe(20 * sent.length);
  await reader.cancel();
  await writer.abort().catch(() => {});
  await until("all is closed", async () => (await server.stats()).open <= 1);
});

test.each(names)("portForward() fails with the pod's message (%s)", async (name) => {
  const { pods } = await start();
  const { readable } = await (await pods.portForward(name, 1)).connect();
  const error = await rejection(new Response(readable).text());
  expect(error).toBeInstanceOf(ConnectionError);
  expect(String(error)).toMatch(/port 1 of Pod default\/.*: .*connection refused/);
});

test.each(names)("portForward() ends when the pod ends (%s)", async (name) => {
  const { pods } = await start();
  const { readable } = await (await pods.portForward(name, 2)).connect();
  expect(await new Response(readable).text()).toBe("");
});

test("listen() forwards each connection over its own, on 127.0.0.1", async () => {
  const { pods, server } = await start();
  const listener = await (await pods.portForward("web", 8080)).listen();
  expect(listener.host).toBe("127.0.0.1");
  const answers = Array.from({ length: 20 }, async (_, index) => {
    const socket = connect({ host: "127.0.0.1", port: listener.port });
    socket.write(`hello ${index}`);
    const [data] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    return data.toString();
  });
  expect(await Promise.all(answers)).toEqual(answers.map((_, index) => `hello ${index}`));
  // By a request each, and nothing else.
  expect((await server.stats()).requests).toBe(answers.length);
  const tunnel = await pods.portForward("web", 8080, { halfClose: "forward" });
  const open = await tunnel.listen();
  const socket = connect({ host: "127.0.0.1", port: open.port, allowHalfOpen: true });
  socket.end("bye");
  const ended = once(socket, "end");
  const [data] = (await once(socket, "data")) as [Buffer];
  expect(data.toString()).toBe("bye");
  await ended;
  await listener.close();
  await open.close();
  await until("all is closed", async () => (await server.stats()).open <= 1);
});

test("listen() reports a connection that can't be forwarded, and continues", async () => {
  const { pods } = await start();
  const errors: unknown[] = [];
  const tunnel = await pods.portForward("forbidden", 8080);
  await using listener = await tunnel.listen({ onError: (error) => void errors.push(error) });
  for (let index = 1; index <= 2; index += 1) {
    const socket = connect({ host: "127.0.0.1", port: listener.port });
    socket.on("error", () => {});
    socket.resume();
    await once(socket, "close");
    await until("it was told", () => errors.length === index);
  }
  expect(errors).toMatchObject([{ status: 403 }, { status: 403 }]);
});

test("listen() says why it can't listen, and what to change", async () => {
  const { pods } = await start();
  const tunnel = await pods.portForward("web", 8080);
  await using listener = await tunnel.listen();
  const { port } = listener;
  const inUse = await rejection(tunnel.listen({ port }));
  expect(inUse).toBeInstanceOf(entry.ConfigError);
  expect(String(inUse)).toContain(`Cannot listen on 127.0.0.1:${port}: `);
  expect(String(inUse)).toContain("; change the option port; with 0, the system picks a free one");
  // An address of nobody here (RFC 5737).
  const foreign = await rejection(tunnel.listen({ host: "192.0.2.1" }));
  expect(foreign).toBeInstanceOf(entry.ConfigError);
  expect(String(foreign)).toMatch(/Cannot listen on 192\.0\.2\.1:0: .*; change the option host$/);
  for (const [options, message] of [
    [{ port: -1 }, /option port of listen: it must be a whole number from 0 to 65535/],
    [{ port: 65_536 }, /option port of listen/],
    [{ port: "80" }, /option port of listen/],
    [{ host: "" }, /option host of listen: it must be an address, not an empty string/],
    [{ host: 1 }, /option host of listen: it must be an address, not a number/],
    [{ onError: "log" }, /option onError of listen: it must be a function, not a string/],
    [{ hostname: "::1" }, /option hostname of listen: it does not exist/],
  ] as const) {
    expect(String(await rejection(tunnel.listen(options as object)))).toMatch(message);
  }
});

test("portForward() of a Service and of a Deployment goes to a ready pod", async () => {
  const { kube } = await start();
  const labels = { app: "db" };
  const container = { name: "db", image: "db", ports: [{ name: "sql", containerPort: 5432 }] };
  const pod = (name: string, isReady: boolean): Pod => ({
    metadata: { name, labels },
    spec: { containers: [container] },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
    },
  });
  await kube.resource(Service).create({
    metadata: { name: "db" },
    spec: { selector: labels, ports: [{ name: "main", port: 80, targetPort: "sql" }] },
  });
  await kube.resource(Deployment).create({
    metadata: { name: "db" },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  });
  const byService = await kube.resource(Service).portForward("db", "main");
  const byDeployment = await kube.resource(Deployment).portForward("db", "sql");
  expect(String(await rejection(byService.connect()))).toMatch(/none of its 0 pods is ready/);
  for (const each of [pod("a", false), pod("b", true)]) {
    await kube.resource(Pod).create(each);
    await kube.resource(Pod).status.replace(each);
  }
  for (const tunnel of [byService, byDeployment]) {
    await using connection = await tunnel.connect();
    const writer = connection.writable.getWriter();
    await writer.write(new TextEncoder().encode("select 1"));
    const { value } = await connection.readable.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("select 1");
  }
  const unknown = await kube.resource(Service).portForward("db", 81);
  expect(String(await rejection(unknown.connect()))).toMatch(/the Service has the ports main/);
});
