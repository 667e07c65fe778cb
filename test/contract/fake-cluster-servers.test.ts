/**
 * A fake cluster that listens: programs that connect by themselves meet real TLS, and its rotations.
 *
 * @module
 */

import { readFile, stat, writeFile } from "node:fs/promises";
import { Agent, get } from "node:https";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type FakeCluster, type FakeServer, createFakeCluster } from "../../runtimes/testing.ts";
import type { ConnectOptions, KubeClient, ReanchorEvent } from "../../src/index.ts";
import { ConfigMap } from "../../src/resources/index.ts";
import { entry } from "./support/entry.ts";
import { rejection, types, until } from "./support/scene.ts";
import { createFolder } from "../support/temporary-folder.ts";

const aMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };

interface Listening {
  readonly fake: FakeCluster;
  readonly server: FakeServer;
}

async function listen(): Promise<Listening> {
  const fake = createFakeCluster({ objects: [aMap] });
  onTestFinished(async () => await fake.close());
  return { fake, server: await fake.listen({ namespace: "shop" }) };
}

interface Client {
  readonly kube: KubeClient;
  readonly events: ReanchorEvent[];
}

/** A client that knows the files alone. */
async function connectByFiles(
  server: FakeServer,
  options: Partial<ConnectOptions> = {},
): Promise<Client> {
  const files = await server.writeFiles(await createFolder());
  const events: ReanchorEvent[] = [];
  const kube = await entry.connect({
    config: await entry.kubeconfig({ path: files.kubeconfig }),
    onEvent: (event) => void events.push(event),
    ...options,
  });
  onTestFinished(async () => await kube.close());
  return { kube, events };
}

async function names(kube: KubeClient): Promise<string[]> {
  const { items } = await kube.resource(ConfigMap, { namespace: "default" }).list();
  return items.map(({ metadata }) => metadata.name);
}

/** What another client than ours sees, which trusts this CA alone: an HTTP status, or an error's code. */
async function statusBy(agent: Agent, { port }: FakeServer, token?: string): Promise<unknown> {
  return await new Promise((resolve) => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const path = "/api/v1/namespaces/default/configmaps/a";
    const request = get({ host: "127.0.0.1", port, path, agent, headers }, (response) => {
      response.on("end", () => resolve(response.statusCode));
      response.resume();
    });
    request.on("error", (error) => resolve("code" in error ? error.code : error.message));
  });
}

function agentOf(ca: string, keepAlive = false): Agent {
  const agent = new Agent({ ca, keepAlive });
  onTestFinished(() => agent.destroy());
  return agent;
}

test("a client by files continues when rotate() replaces the CA and the token", async () => {
  const { fake, server } = await listen();
  const { kube, events } = await connectByFiles(server);
  expect(kube.namespace).toBe("shop");
  expect(await names(kube)).toEqual(["a"]);
  for (let round = 0; round < 3; round += 1) {
    await fake.rotate();
    expect(await names(kube)).toEqual(["a"]);
  }
  expect(types(events)).toContain("ca-reloaded");
  expect(new Set(fake.requests.map(({ headers }) => headers["authorization"])).size).toBe(4);
});

test("a client by files continues through an overlap and the removal of the former CA", async () => {
  const { fake, server } = await listen();
  const former = server.ca;
  const { kube } = await connectByFiles(server);
  const before = agentOf(server.ca);
  await fake.rotate({ overlap: true });
  expect(server.ca.startsWith(former)).toBe(true);
  expect(server.ca.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  expect(await names(kube)).toEqual(["a"]);
  expect(await statusBy(agentOf(server.ca), server)).toBe(200);
  expect(await statusBy(before, server)).not.toBe(200);

  await fake.publish();
  expect(server.ca.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
  expect(server.ca).not.toBe(former);
  expect(await names(kube)).toEqual(["a"]);
});

test("a request waits for the CA when the server is ahead, and fails after trustWaitMs", async () => {
  const { fake, server } = await listen();
  const patient = await connectByFiles(server, { trustWaitMs: 120_000 });
  const hasty = await connectByFiles(server, { trustWaitMs: 0 });
  // A server that was never trusted is not waited for.
  expect(await names(patient.kube)).toEqual(["a"]);
  expect(await names(hasty.kube)).toEqual(["a"]);
  await fake.rotate({ publish: false });
  expect(await rejection(names(hasty.kube))).toBeInstanceOf(entry.UntrustedServerError);

  const waiting = names(patient.kube);
  await until("it waits", () => types(patient.events).includes("waiting-for-trust"));
  await fake.publish();
  expect(await waiting).toEqual(["a"]);
  expect(await names(hasty.kube)).toEqual(["a"]);
});

test("a watch continues when rotate() closes its connection", async () => {
  const { fake, server } = await listen();
  const { kube } = await connectByFiles(server);
  const seen: string[] = [];
  const maps = kube.resource(ConfigMap, { namespace: "default" });
  for await (const event of maps.watch()) {
    if (event.type === "synced") {
      await fake.rotate();
      fake.put(ConfigMap, { metadata: { name: "b" } });
    } else seen.push(`${event.type} ${event.object.metadata.name}`);
    if (seen.length === 2) break;
  }
  expect(seen).toEqual(["added a", "added b"]);
  await until("the server has seen the client leave", () => fake.openWatches.length === 0);
});

test.each([false, true])(
  "another client that has only the CA is rejected after rotate() where it keeps connections: %s",
  async (keepAlive) => {
    const { fake, server } = await listen();
    // The same agent all the while: a session of before must not be resumed.
    const agent = agentOf(server.ca, keepAlive);
    const { token } = server;
    expect(await statusBy(agent, server, token)).toBe(200);
    expect(await statusBy(agent, server, token)).toBe(200);
    await fake.rotate();
    // An agent may learn by a request that its connection was closed.
    await expect
      .poll(async () => await statusBy(agent, server, token))
      .toMatch(/^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE)$/);
    expect(await statusBy(agentOf(server.ca), server, token)).toBe(401);
    expect(await statusBy(agentOf(server.ca), server, server.token)).toBe(200);
  },
);

test("kubeconfig() holds the CA and the token of the moment", async () => {
  const { fake, server } = await listen();
  const events: ReanchorEvent[] = [];
  const path = join(await createFolder(), "config");
  await writeFile(path, server.kubeconfig());
  const kube = await entry.connect({
    config: await entry.kubeconfig({ path }),
    trustWaitMs: 0,
    onEvent: (event) => void events.push(event),
  });
  onTestFinished(async () => await kube.close());
  expect(await names(kube)).toEqual(["a"]);
  await fake.rotate();
  expect(await rejection(names(kube))).toBeInstanceOf(entry.UntrustedServerError);
  await writeFile(path, server.kubeconfig());
  expect(await names(kube)).toEqual(["a"]);
});

test("failNext() loses connections and cuts watches over TLS too", async () => {
  const { fake, server } = await listen();
  const agent = agentOf(server.ca);
  fake.failNext({ isLost: true });
  expect(await statusBy(agent, server)).toMatch(/ECONNRESET|socket hang up/);
  fake.failNext({ status: 503 });
  expect(await statusBy(agent, server)).toBe(503);
  const { kube } = await connectByFiles(server);
  fake.failNext({ cutAfterBytes: 100 }, { verb: "watch" });
  const watching = async (): Promise<void> => {
    for await (const event of kube.resource(ConfigMap, { namespace: "default" }).watch()) {
      if (event.type === "synced") break;
    }
  };
  // The initial list was not whole.
  expect(await rejection(watching())).toBeInstanceOf(entry.ConnectionError);
  await watching();
});

test("close() leaves no server, no connection and no open request", async () => {
  const { fake, server } = await listen();
  const second = await fake.listen();
  const files = await server.writeFiles(await createFolder());
  const { kube } = await connectByFiles(server);
  const reading = (async () => {
    const body = await kube.fetch("/api/v1/configmaps?watch=1");
    return await body.text();
  })().catch(() => "lost");
  await until("the watch is open", () => fake.openWatches.length === 1);
  fake.failNext({ isSilent: true });
  const silent = statusBy(agentOf(server.ca), server);
  await until("the silent request has come", () => fake.requests.length === 2);
  const written = (await stat(files.ca)).mtimeMs;

  await server.close();
  await server.close();
  expect(await silent).toMatch(/ECONNRESET|socket hang up/);
  expect(await reading).toBe("lost");
  expect(fake.openWatches).toEqual([]);
  expect(await connectionCode(server.port)).toBe("ECONNREFUSED");
  await fake.rotate();
  expect((await stat(files.ca)).mtimeMs).toBe(written);
  expect(await statusBy(agentOf(second.ca), second)).toBe(200);

  await fake.close();
  expect(await connectionCode(second.port)).toBe("ECONNREFUSED");
  expect(await rejection(fake.listen())).toBeInstanceOf(entry.ClosedError);
});

async function connectionCode(port: number): Promise<unknown> {
  return await new Promise((resolve) => {
    const socket = connectTcp({ host: "127.0.0.1", port });
    socket.on("error", (error) => resolve("code" in error ? error.code : error.message));
    socket.on("connect", () => {
      socket.destroy();
      resolve("connected");
    });
  });
}

test("writeFiles() writes what programs read, and again for each change", async () => {
  const { fake, server } = await listen();
  const folder = join(await createFolder(), "new", "folder");
  const files = await server.writeFiles(folder);
  expect(files).toEqual({
    ca: join(folder, "ca.crt"),
    token: join(folder, "token"),
    namespace: join(folder, "namespace"),
    kubeconfig: join(folder, "kubeconfig"),
  });
  const read = async (path: string): Promise<string> => await readFile(path, "utf8");
  expect(await read(files.namespace)).toBe("shop");
  expect(await read(files.ca)).toBe(server.ca);
  const token = await read(files.token);
  await fake.rotate({ publish: false });
  expect(await read(files.token)).toBe(token);
  await fake.publish();
  expect(await read(files.ca)).toBe(server.ca);
  expect(await read(files.token)).toBe(server.token);
  expect(server.token).not.toBe(token);
});

test("listen() takes a port, and rejects what is none and one in use", async () => {
  const { fake, server } = await listen();
  await server.close();
  const again = await fake.listen({ port: server.port });
  expect(again.url).toBe(server.url);
  const inUse = await rejection(fake.listen({ port: server.port }));
  expect(inUse).toBeInstanceOf(entry.ConfigError);
  expect(String(inUse)).toContain(`Cannot listen on 127.0.0.1:${server.port}: `);
  expect(String(inUse)).toContain("; change the option port; with 0, the system picks a free one");
  expect(await rejection(fake.listen({ port: 65_536 }))).toBeInstanceOf(RangeError);
  expect(await rejection(fake.listen({ namespace: "" }))).toBeInstanceOf(TypeError);
  expect(await rejection(fake.listen({ host: "::" } as object))).toBeInstanceOf(TypeError);
  expect(await rejection(again.writeFiles(""))).toBeInstanceOf(TypeError);
  expect(await rejection(fake.rotate({ overlap: true, publish: false }))).toBeInstanceOf(TypeError);
});
