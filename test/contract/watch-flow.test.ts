/**
 * The flow and the end of a watch: its reader sets the pace, and nothing stays open.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import { ClosedError, type Watch } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import type { TestServer } from "../support/api-server.ts";
import type { ApiObject } from "../../src/testing/model/objects.ts";
import { aPod } from "./support/pods.ts";
import { connectQuicklyTo } from "./support/quickly.ts";
import { rejection, startCluster, until } from "./support/scene.ts";
import { ways } from "./support/ways.ts";

/** The capacity of two loopback sockets' buffers, beside those of a runtime. */
const MOST_TAKEN_AHEAD = 16_000_000;

describe.each(ways)("a watch over $way", ({ http2, settings }) => {
  async function watchPods(signal?: AbortSignal) {
    const cluster = await startCluster({ fakeApi: {}, http2 });
    const { server } = cluster;
    await server.fake.put("pods", aPod("first"));
    const { kube } = await connectQuicklyTo(cluster, settings);
    const watch = kube.resource(Pod).watch({ signal });
    onTestFinished(async () => void (await watch.return()));
    for (const type of ["added", "synced"]) {
      expect((await watch.next()).value).toMatchObject({ type });
    }
    return { kube, server, watch };
  }

  test("emits an event of 5 MB in one line", async () => {
    const { server, watch } = await watchPods();
    const text = "häuser 🏠 ".repeat(400_000);
    await server.fake.put("pods", annotated("big", text));
    const { value } = await watch.next();
    expect(value.type).toBe("added");
    const told = value.type === "added" ? value.object.metadata.annotations?.["text"] : undefined;
    expect(told === text).toBe(true);
  });

  test("slows the server down when it is read slowly, and misses nothing", async () => {
    const { server, watch } = await watchPods();
    const text = "x".repeat(1_000_000);
    for (let index = 0; index < 60; index += 1) {
      await server.fake.put("pods", annotated(`pod-${index}`, text));
    }
    const taken = 60 * text.length - (await unreadBytes(server));
    expect(taken).toBeLessThan(MOST_TAKEN_AHEAD);
    for (let index = 0; index < 60; index += 1) {
      const { value } = await watch.next();
      expect(value).toMatchObject({ object: { metadata: { name: `pod-${index}` } } });
    }
  });

  test("is closed by a break", async () => {
    const { server, watch } = await watchPods();
    await server.fake.put("pods", aPod("last"));
    for await (const event of watch) if (event.type === "added") break;
    await untilClosed(server);
  });

  test("is closed by return() while it waits for an event", async () => {
    const { server, watch } = await watchPods();
    const waiting = watch.next();
    await watch.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await untilClosed(server);
  });

  test("is closed by its signal, and the loop throws its reason", async () => {
    const abort = new AbortController();
    const { server, watch } = await watchPods(abort.signal);
    const reading = rejection(readToTheEnd(watch));
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await reading).toBe(reason);
    await untilClosed(server);
  });

  test("is closed by close(), and throws ClosedError", async () => {
    const { kube, server, watch } = await watchPods();
    const reading = rejection(readToTheEnd(watch));
    await kube.close();
    expect(await reading).toBeInstanceOf(ClosedError);
    await untilClosed(server);
  });

  test("does not reconnect after a break while it was cut off", async () => {
    const { server, watch } = await watchPods();
    const waiting = watch.next();
    await server.stop();
    await watch.return();
    await server.restart();
    expect((await waiting).done).toBe(true);
    const watches = (await server.fake.requests()).filter(({ verb }) => verb === "watch");
    expect(watches).toHaveLength(1);
  });
});

function annotated(name: string, text: string): ApiObject {
  return aPod(name, "default", { metadata: { annotations: { text } } });
}

async function readToTheEnd(watch: Watch<Pod>): Promise<void> {
  for await (const event of watch) expect(event).toBeDefined();
}

async function untilClosed({ fake }: TestServer): Promise<void> {
  await until("the watch is closed", async () => (await fake.openWatches()).length === 0);
}

/** The bytes that a watch has received once it stops receiving. */
async function unreadBytes({ fake }: TestServer): Promise<number> {
  let [unread, before] = [0, Number.NaN];
  await until("no more is taken", async () => {
    await new Promise((resolve) => void setTimeout(resolve, 100));
    before = unread;
    unread = (await fake.openWatches())[0]?.unread ?? 0;
    return unread === before;
  });
  return unread;
}
