/**
 * Faults of servers and networks. A watch emits each change once all the same.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ReanchorEvent } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import type { ServeOptions } from "../support/api-server.ts";
import type { Fault } from "../../src/testing/model/faults.ts";
import { entry } from "./support/entry.ts";
import { aPod, createPodWriter, listen } from "./support/pods.ts";
import { connectQuicklyTo } from "./support/quickly.ts";
import {
  type Cluster,
  type ObservedClient,
  connectClient,
  startCluster,
  until,
} from "./support/scene.ts";
import { ways } from "./support/ways.ts";

describe.each(ways)("a watch over $way", ({ http2, settings }) => {
  async function start(options: Partial<ServeOptions> = {}): Promise<Cluster> {
    return await startCluster({ fakeApi: {}, http2, ...options });
  }

  async function connect(cluster: Cluster): Promise<ObservedClient> {
    return await connectQuicklyTo(cluster, settings);
  }

  /** Watches, and lets the next watch meet a fault. Writes before, during and after it. */
  async function expectMended(
    fault: Fault,
    { times = 1, idleTimeoutMs = 60_000 }: MendOptions = {},
  ): Promise<ObservedClient> {
    const cluster = await start();
    const { server } = cluster;
    const client = await connect(cluster);
    const writer = await createPodWriter(server);
    await writer.write(10);
    const told = listen(client.kube.resource(Pod).watch({ idleTimeoutMs }));
    await until("what is there has been told", () => told.synced.length === 1);
    const there = told.events.splice(0);
    writer.expected.splice(0);
    expect(there.length).toBeGreaterThan(0);
    await server.fake.faults.next({ verb: "watch" }, fault, times);
    await server.fake.endWatches();
    await writer.write(20);
    await told.count(20);
    await writer.write(5);
    await told.count(25);
    expect(told.events).toEqual(writer.expected);
    const watches = (await server.fake.requests()).filter(({ verb }) => verb === "watch");
    expect(watches.length).toBeGreaterThanOrEqual(2 + times);
    return client;
  }

  test.each<[what: string, fault: Fault]>([
    ["that is lost before its answer", { isLost: true }],
    ["whose answer is lost", { isAnswerLost: true }],
    ["that is refused with 500", { status: 500 }],
    ["that is refused with 503", { status: 503 }],
    ["that is refused with 429", { status: 429 }],
    ["that is refused with 403 for a while", { status: 403 }],
    ["that begins with nonsense", { firstLine: "<html>504 Gateway Timeout</html>" }],
    ["that is cut at once", { cutAfterBytes: 0 }],
  ])("recovers from one %s", async (_, fault) => {
    const { events } = await expectMended(fault);
    // Some faults are handled before the watch sees them.
    expect(messages(events).length).toBeLessThanOrEqual(1);
  });

  test.each([429, 503])("waits as long as %i with Retry-After asks", async (status) => {
    const { events } = await expectMended({ status, retryAfterSeconds: 1 });
    expect(events).toContainEqual(
      expect.objectContaining({ reason: "retry-after", delayMs: 1_000 }),
    );
    expect(messages(events)).toEqual([]);
  });

  test("recovers from one that ends cleanly in the middle of an event", async () => {
    const { events } = await expectMended({ endAfterBytes: 1_000 });
    expect(messages(events)).toEqual([expect.stringContaining("broke off in a line")]);
  });

  test("recovers from one that is silent for longer than idleTimeoutMs", async () => {
    const fault = { silentAfterBytes: 1_000 };
    const { events } = await expectMended(fault, { idleTimeoutMs: 20_000 });
    expect(messages(events)).toEqual([expect.stringContaining("nothing was heard for 20000 ms")]);
  });

  test("reconnects at growing intervals while the server ends it at once", async () => {
    const { ca, server } = await start();
    const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
    // On the real clock: the meaning of "at once" must not depend on the load of the machine.
    const { kube, events } = await connectClient({ config, ...settings });
    const told = listen(kube.resource(Pod).watch());
    await until("it has begun", () => told.synced.length === 1);
    await server.fake.faults.next({ verb: "watch" }, { isEmpty: true }, 2);
    await server.fake.endWatches();
    await server.fake.put("pods", aPod("after"));
    await told.count(1);
    expect(messages(events)).toEqual(Array(2).fill(expect.stringContaining("ended it at once")));
    const [first = 0, second = 0] = events.flatMap((event) => {
      return event.type === "watch-interrupted" ? [event.delayMs] : [];
    });
    expect(second).toBeGreaterThanOrEqual(first);
  });

  test.each<[how: string, options: ServeOptions["fakeApi"]]>([
    ["an event", {}],
    ["its status", { expiredAsStatus: true }],
    ["its status, and knows no streaming lists", { expiredAsStatus: true, streamingLists: false }],
  ])("emits the differences when the server answers 410 by %s", async (_, fakeApi) => {
    const cluster = await start({ fakeApi: fakeApi ?? {} });
    const { fake } = cluster.server;
    const { kube } = await connect(cluster);
    for (const name of ["stays", "changes", "goes", "is made anew"])
      await fake.put("pods", aPod(name));
    const told = listen(kube.resource(Pod).watch());
    await told.count(4);
    told.events.splice(0);

    await cluster.server.stop();
    for (const name of ["changes", "changes", "new"]) await fake.put("pods", aPod(name));
    await fake.remove("pods", "default", "goes");
    await fake.remove("pods", "default", "is made anew");
    await fake.put("pods", aPod("is made anew"));
    await fake.compact();
    await cluster.server.restart();
    await told.count(5);
    // Each object in its current state, or in its last one.
    expect(told.events.toSorted()).toEqual([
      "added is made anew 107",
      "added new 104",
      "deleted goes 100",
      "deleted is made anew 101",
      "modified changes 103",
    ]);
    await fake.put("pods", aPod("after"));
    await told.count(6);
    expect(told.events.at(-1)).toBe("added after 108");
    expect(told.synced).toHaveLength(1);
  });

  test("lists again when the same line is malformed twice", async () => {
    const cluster = await start();
    const { fake } = cluster.server;
    const { kube } = await connect(cluster);
    const told = listen(kube.resource(Pod).watch());
    await until("it has begun", () => told.synced.length === 1);
    await fake.faults.next({ verb: "watch" }, { firstLine: "{}" }, 2);
    await fake.endWatches();
    await fake.put("pods", aPod("after"));
    await told.count(1);
    expect(told.events).toEqual(["added after 98"]);
    const versions = (await fake.requests()).map(({ query }) => query["resourceVersion"]);
    expect(versions).toEqual([undefined, "97", "97", undefined]);
  });

  test("continues from a bookmark when everything before it has been compacted", async () => {
    const cluster = await start();
    const { fake } = cluster.server;
    const { kube } = await connect(cluster);
    const told = listen(kube.resource(Pod).watch());
    await until("it has begun", () => told.synced.length === 1);
    await fake.skipRevisions(50);
    await fake.bookmark();
    await fake.compact();
    await fake.endWatches();
    await fake.put("pods", aPod("after"));
    await told.count(1);
    expect(told.events).toEqual(["added after 148"]);
    const versions = (await fake.requests()).map(({ query }) => query["resourceVersion"]);
    expect(versions).toEqual([undefined, "147"]);
  });

  test.each<Fault>([
    { status: 500 },
    { status: 429, retryAfterSeconds: 1 },
    { status: 503 },
    { cutAfterBytes: 300 },
    { silentAfterBytes: 300 },
    { isSilent: true },
  ])(
    "gets the list that it needs after a 410, even if the server first answers %j",
    async (fault) => {
      const cluster = await start({ fakeApi: { streamingLists: false } });
      const { server } = cluster;
      const { kube } = await connect(cluster);
      const told = listen(kube.resource(Pod).watch({ idleTimeoutMs: 20_000 }));
      await until("it has begun", () => told.synced.length === 1);
      await server.fake.faults.next({ verb: "list" }, fault, 2);
      await server.stop();
      await server.fake.put("pods", aPod("a"));
      await server.fake.compact();
      await server.restart();
      await told.count(1);
      expect(told.events).toEqual(["added a 98"]);
    },
  );

  test("emits 1,200 objects page by page, although a page expires and one object is deleted midway", async () => {
    const cluster = await start({ fakeApi: { streamingLists: false } });
    const { fake } = cluster.server;
    const names = Array.from({ length: 1_200 }, (_, index) => `pod-${index}`);
    await Promise.all(names.map(async (name) => await fake.put("pods", aPod(name))));
    await fake.faults.next({ verb: "list" }, { delayMs: 0 });
    await fake.faults.next({ verb: "list" }, { status: 410, delayMs: 500 });
    const { kube } = await connect(cluster);
    const told = listen(kube.resource(Pod).watch());
    await told.count(500);
    const [goes = ""] = told.events;
    await fake.remove("pods", "default", nameOf(goes));
    await until("what is there has been told", () => told.synced.length === 1);
    const added = told.events.filter((event) => event.startsWith("added"));
    expect(added.map(nameOf).toSorted()).toEqual(names.toSorted());
    expect(told.events.slice(added.length)).toEqual([goes.replace("added", "deleted")]);
    await fake.put("pods", aPod("after"));
    await told.count(1_202);
    const lists = (await fake.requests()).filter(({ verb }) => verb === "list");
    expect(lists).toHaveLength(3);
  });
});

interface MendOptions {
  /** How many watches get the fault. */
  readonly times?: number;
  readonly idleTimeoutMs?: number;
}

function messages(events: readonly ReanchorEvent[]): string[] {
  return events.flatMap((event) => {
    return event.type === "watch-interrupted" ? [event.error.message] : [];
  });
}

function nameOf(event: string): string {
  return event.split(" ")[1] ?? "";
}
