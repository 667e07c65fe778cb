/**
 * An informer has the server's objects, after any kind of failure between them.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { ClosedError, type Informer } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import type { TestServer } from "../support/api-server.ts";
import type { Fault } from "../../src/testing/model/faults.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { aPod, createPodWriter, inShort } from "./support/pods.ts";
import { connectQuickly, connectQuicklyTo } from "./support/quickly.ts";
import { connectionIsFree, createVolume, rejection, startCluster, until } from "./support/scene.ts";
import { ways } from "./support/ways.ts";

describe.each(ways)("an informer over $way", ({ http2, settings, httpVersion }) => {
  async function start() {
    const cluster = await startCluster({ fakeApi: {}, http2, token: "first" });
    const { ca, server } = cluster;
    const volume = await createVolume({ ca: ca.pem, token: "first" });
    const { kube, events } = await connectQuickly({
      config: {
        server: server.origin,
        ca: entry.fileCaSource(volume.caFile),
        token: entry.fileTokenSource(volume.tokenFile),
      },
      ...settings,
    });
    const writer = await createPodWriter(server);
    return { ca, server, volume, kube, events, writer };
  }

  type Scene = Awaited<ReturnType<typeof start>>;

  test.each<[what: string, act: (scene: Scene) => Promise<unknown>]>([
    ["the CA was replaced", replaceCa],
    ["the token was replaced", replaceToken],
    ["the server was down", whileDown],
    ["the server was down, and forgot what had happened", whileDownAndCompacted],
    ["its watch expired", async ({ server }) => await server.fake.expireWatches()],
    ["its watch was cut", async ({ server }) => await server.dropConnections()],
    ["the server shut down in order", shutDown],
    ["its watch fell silent", async (scene) => await meet(scene, { silentAfterBytes: 200 })],
    ["its watch was refused", async (scene) => await meet(scene, { status: 500 })],
    ["its watch had nonsense", async (scene) => await meet(scene, { firstLine: "<html>" })],
  ])("has the server's objects after %s", async (_, act) => {
    const scene = await start();
    const { server, writer, kube } = scene;
    await writer.write(20);
    const informer = kube.resource(Pod).informer({ idleTimeoutMs: 20_000 });
    await informer.synced();
    await Promise.all([writer.write(30), act(scene)]);
    await writer.write(10);
    await untilSame(informer, server);
    expect(informer.size).toBeGreaterThan(0);
    expect(informer.hasSynced).toBe(true);
  });

  test("calls its handlers with each change, and a late handler with the current objects", async () => {
    const { server, writer, kube } = await start();
    await writer.write(20);
    const informer = kube.resource(Pod).informer();
    const first = handle(informer);
    await informer.synced();
    const told = first.splice(0);
    expect(told).toEqual(informer.list().map((object) => inShort({ type: "added", object })));
    const before = writer.expected.length;
    await Promise.all([writer.write(30), server.dropConnections()]);
    await until("30 are told", () => first.length === 30);
    expect(first).toEqual(writer.expected.slice(before));
    expect(handle(informer)).toEqual(
      informer.list().map((object) => inShort({ type: "added", object })),
    );
  });

  test("finds objects by name, namespace and index", async () => {
    const { server, kube } = await start();
    for (const [name, namespace] of [
      ["a", "north"],
      ["b", "south"],
      ["c", "south"],
    ] as const) {
      const pod = aPod(name, namespace, { spec: { nodeName: `node-${name}` } });
      await server.fake.put("pods", pod);
    }
    const indexes = { node: ({ spec }: Pod) => spec?.nodeName };
    await using informer = kube.resource(Pod, { namespace: "*" }).informer({ indexes });
    await informer.synced();
    expect(informer.get("b", "south")?.metadata.name).toBe("b");
    expect(informer.list("south")).toHaveLength(2);
    expect(informer.byIndex("node", "node-c").map(({ metadata }) => metadata.name)).toEqual(["c"]);
    await server.fake.remove("pods", "south", "c");
    await until("it is gone", () => informer.size === 2);
    expect(informer.byIndex("node", "node-c")).toEqual([]);
  });

  test("leaves no watch behind when it is stopped, and keeps its objects", async () => {
    const { server, writer, kube } = await start();
    await writer.write(10);
    const informer = kube.resource(Pod).informer();
    await informer.synced();
    const { size } = informer;
    await informer.stop();
    await until("its watch is closed", async () => (await server.fake.openWatches()).length === 0);
    expect(await informer.ended).toBeUndefined();
    expect(informer.size).toBe(size);
  });

  test("ends with its client", async () => {
    const { server, kube } = await start();
    const informer = kube.resource(Pod).informer();
    await informer.synced();
    await kube.close();
    expect(await rejection(informer.ended)).toBeInstanceOf(ClosedError);
    await until("its watch is closed", async () => (await server.fake.openWatches()).length === 0);
  });

  test("shares its client's connection over HTTP/2, and has its own over HTTP/1.1", async () => {
    const cluster = await startCluster({ fakeApi: {}, http2 });
    const { server } = cluster;
    const { kube } = await connectQuicklyTo(cluster, settings);
    // Before the first connection, a client can't know whether one is enough.
    await kube.get("/version");
    await connectionIsFree();
    const informers = Array.from({ length: 10 }, (_, index) => {
      return kube.resource(Pod, { namespace: `n-${index}` }).informer();
    });
    await Promise.all(informers.map(async (informer) => await informer.synced()));
    expect(await server.fake.openWatches()).toHaveLength(10);
    expect((await server.stats()).open).toBe(httpVersion === "2.0" ? 1 : 10);
  });

  async function replaceCa({ server, volume }: Scene): Promise<void> {
    const next = await createCa();
    await server.swap({ ...(await next.issue()), forgetSessions: true });
    await server.dropConnections();
    await volume.write({ ca: next.pem });
  }

  async function replaceToken({ server, volume }: Scene): Promise<void> {
    await server.swap({ token: "second" });
    await server.dropConnections();
    await volume.write({ token: "second" });
  }

  async function whileDown({ server, writer }: Scene): Promise<void> {
    await server.stop();
    await writer.write(5);
    await server.restart();
  }

  async function whileDownAndCompacted({ server, writer }: Scene): Promise<void> {
    await server.stop();
    await writer.write(5);
    await server.fake.compact();
    await server.restart();
  }

  async function shutDown({ server }: Scene): Promise<void> {
    await server.drainConnections();
    await server.fake.endWatches();
  }

  async function meet({ server }: Scene, fault: Fault): Promise<void> {
    await server.fake.faults.next({ verb: "watch" }, fault);
    await server.fake.endWatches();
  }
});

/** The calls of the informer's handlers, in short. */
function handle(informer: Informer<Pod>): string[] {
  const told: string[] = [];
  informer.on({
    added: (object) => told.push(inShort({ type: "added", object })),
    modified: (object, previous) => told.push(inShort({ type: "modified", object, previous })),
    deleted: (object) => told.push(inShort({ type: "deleted", object })),
  });
  return told;
}

async function untilSame(informer: Informer<Pod>, { fake }: TestServer): Promise<void> {
  const versions = (objects: readonly { metadata: { name: string; resourceVersion: string } }[]) =>
    objects.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`).toSorted();
  const there = versions(await fake.objects("pods"));
  await until(
    `it holds ${there.join(", ")}`,
    () => versions(informer.list()).join() === there.join(),
  );
}
