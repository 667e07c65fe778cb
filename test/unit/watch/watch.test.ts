import { describe, expect, onTestFinished, test } from "vitest";
import { ApiError } from "../../../src/api/api-error.ts";
import type { ObjectSchema } from "../../../src/api/object-check.ts";
import type { WatchEvent } from "../../../src/watch/reflector.ts";
import type { KubeObject, Stored } from "../../../src/api/object.ts";

import type { ResourceSchema } from "../../../src/api/resource-target.ts";
import { bindThings } from "../support/bound-things.ts";
import type { WatchOptions } from "../../../src/watch/watch.ts";
import { ClosedError, ConnectionError } from "../../../src/errors.ts";
import {
  type ScriptedClient,
  Stream,
  aThing,
  bookmark,
  createScriptedClient,
  initialEnd,
  listOf,
  refusalStatus,
  refused,
} from "../support/scripted-client.ts";

interface Watching {
  readonly client: ScriptedClient;
  /** Waits for a number of events and returns them in short. */
  take(count: number): Promise<string[]>;
  /** The next event. */
  next(): Promise<WatchEvent<KubeObject>>;
  end(): Promise<void>;
}

/** Watches things. `answers` are the responses to the first requests. */
function watch(
  answers: readonly Parameters<ScriptedClient["answer"]>[0][],
  options: WatchOptions<KubeObject> = {},
  schema: ResourceSchema = {},
): Watching {
  const client = createScriptedClient();
  client.answer(...answers);
  const events = bindThings(client, { schema }).watch(options);
  onTestFinished(async () => void (await events.return()));

  async function next(): Promise<WatchEvent<KubeObject>> {
    return (await events.next()).value;
  }

  return {
    client,
    next,
    async take(count) {
      const taken: string[] = [];
      while (taken.length < count) {
        const { done, value } = await events.next();
        if (done === true) break;
        taken.push(inShort(value));
      }
      return taken;
    },
    end: async () => void (await events.return()),
  };
}

function inShort(event: WatchEvent<KubeObject>): string {
  if (event.type === "synced") return `synced ${event.resourceVersion}`;
  const { name, resourceVersion } = event.object.metadata;
  return `${event.type} ${name} ${resourceVersion}`;
}

/** A complete streaming list of things at a version. */
function streamed(version: number, ...things: readonly Stored<KubeObject>[]): Stream {
  const stream = new Stream();
  for (const one of things) stream.send("ADDED", one);
  return stream.send("BOOKMARK", initialEnd(version));
}

/** Lets everything in progress settle. */
async function settled(client: ScriptedClient): Promise<void> {
  await client.clock.advance(0);
  await client.clock.advance(0);
}

describe("watch() emits", () => {
  test("the initial list, its end, and then the changes", async () => {
    const stream = streamed(5, aThing("a", 1), aThing("b", 2));
    stream.send("ADDED", aThing("c", 6)).send("MODIFIED", aThing("a", 7));
    stream.send("DELETED", aThing("b", 8));
    const { take, client } = watch([stream]);
    expect(await take(3)).toEqual(["added a 1", "added b 2", "synced 5"]);
    expect(await take(3)).toEqual(["added c 6", "modified a 7", "deleted b 8"]);
    expect(client.requests).toMatchObject([
      {
        path: "/apis/example.com/v1/namespaces/default/things",
        query: {
          watch: "1",
          sendInitialEvents: "true",
          resourceVersionMatch: "NotOlderThan",
          allowWatchBookmarks: "true",
        },
      },
    ]);
  });

  test("an object's state before it was modified", async () => {
    const stream = streamed(5, aThing("a", 1)).send("MODIFIED", aThing("a", 7));
    const { take, next } = watch([stream]);
    await take(2);
    const event = await next();
    expect(event).toMatchObject({ previous: aThing("a", 1), object: aThing("a", 7) });
  });

  test.each([[400], [422]])(
    "a list if the server rejects a streaming one with %i",
    async (status) => {
      const next = new Stream().send("MODIFIED", aThing("a", 6));
      const { take, client } = watch([
        refused(status, "Invalid"),
        listOf(4, [aThing("a", 1)], "more"),
        listOf(5, [aThing("b", 2)]),
        next,
      ]);
      expect(await take(4)).toEqual(["added a 1", "added b 2", "synced 5", "modified a 6"]);
      const [, first, second, watched] = client.requests;
      expect(first?.query).toEqual({ limit: "500" });
      expect(second?.query).toEqual({ limit: "500", continue: "more" });
      expect(watched?.query).toMatchObject({ watch: "1", resourceVersion: "5" });
      expect(watched?.query).not.toHaveProperty("sendInitialEvents");
      // It is not asked again for an unsupported feature.
      next.end();
      client.answer(new Stream());
      await settled(client);
      expect(client.requests.at(-1)?.query).not.toHaveProperty("sendInitialEvents");
    },
  );

  test("a list if a streaming one sends nothing for 10 s", async () => {
    const { take, client } = watch([new Stream(), listOf(5, [aThing("a", 1)]), new Stream()]);
    const taken = take(2);
    await client.clock.advance(9_999);
    expect(client.requests).toHaveLength(1);
    await client.clock.advance(1);
    expect(await taken).toEqual(["added a 1", "synced 5"]);
  });

  test("the objects of a list with the kind that the server omits", async () => {
    const { next } = watch([refused(422, "Invalid"), listOf(5, [aThing("a", 1)]), new Stream()]);
    expect(await next()).toMatchObject({ object: { apiVersion: "example.com/v1", kind: "Thing" } });
  });

  test("the changes after a given version, without the initial list", async () => {
    const stream = new Stream().send("MODIFIED", aThing("a", 7)).send("DELETED", aThing("b", 8));
    const { take, client } = watch([stream], { resourceVersion: "5" });
    expect(await take(2)).toEqual(["modified a 7", "deleted b 8"]);
    expect(client.requests[0]?.query).toMatchObject({ resourceVersion: "5" });
    expect(client.requests[0]?.query).not.toHaveProperty("sendInitialEvents");
  });

  test("transformed objects, both current and previous ones", async () => {
    const stream = streamed(5, aThing("a", 1)).send("MODIFIED", aThing("a", 7));
    const { take, next } = watch([stream], {
      transform: (object) => ({ ...object, metadata: { ...object.metadata, labels: { x: "y" } } }),
    });
    await take(2);
    expect(await next()).toMatchObject({
      object: { metadata: { labels: { x: "y" } } },
      previous: { metadata: { labels: { x: "y" } } },
    });
  });

  test("selected objects", async () => {
    const { take, client } = watch([streamed(5)], {
      labelSelector: { app: "web" },
      fieldSelector: { "metadata.name": "a" },
    });
    await take(1);
    expect(client.requests[0]?.query).toMatchObject({
      labelSelector: "app=web",
      fieldSelector: "metadata.name=a",
    });
  });

  test("requests no compression, because a runtime may mistake a compressed chunk for the whole", async () => {
    const { take, client } = watch([streamed(5).end(), new Stream().send("ADDED", aThing("a", 6))]);
    await take(2);
    expect(client.requests.map(({ acceptEncoding }) => acceptEncoding)).toEqual([
      "identity",
      "identity",
    ]);
  });

  test("asks the server to end after 5 to 10 minutes, by chance", async () => {
    const seconds: number[] = [];
    for (const chance of [0, 0.5, 0.999]) {
      const { take, client } = watch([streamed(5)]);
      client.clock.chance = chance;
      await take(1);
      seconds.push(Number(client.requests[0]?.query["timeoutSeconds"]));
    }
    expect(seconds).toEqual([300, 450, 600]);
  });
});

describe("watch() continues from its last version", () => {
  test("at once when the server ends it", async () => {
    const first = streamed(5, aThing("a", 1)).send("MODIFIED", aThing("a", 6)).end();
    const second = new Stream().send("MODIFIED", aThing("a", 7));
    const { take, client } = watch([first, second]);
    expect(await take(4)).toEqual(["added a 1", "synced 5", "modified a 6", "modified a 7"]);
    expect(client.requests[1]?.query).toMatchObject({ resourceVersion: "6" });
    expect(client.events).toEqual([]);
  });

  test("from a bookmark, even if nothing has happened there", async () => {
    const first = streamed(5).send("BOOKMARK", bookmark(90)).end();
    const { take, client } = watch([first, new Stream().send("ADDED", aThing("a", 91))]);
    expect(await take(2)).toEqual(["synced 5", "added a 91"]);
    expect(client.requests[1]?.query).toMatchObject({ resourceVersion: "90" });
  });

  test("after a delay when the connection is lost, and reports it", async () => {
    const first = streamed(5, aThing("a", 1)).send("MODIFIED", aThing("a", 6));
    const { take, client } = watch([first]);
    expect(await take(3)).toHaveLength(3);
    const next = take(1);
    first.fail();
    await settled(client);
    expect(client.requests).toHaveLength(1);
    expect(client.events).toMatchObject([
      {
        type: "watch-interrupted",
        path: "/apis/example.com/v1/namespaces/default/things",
        error: expect.any(ConnectionError) as Error,
      },
    ]);
    client.answer(new Stream().send("MODIFIED", aThing("a", 7)));
    await client.clock.advance(250);
    expect(await next).toEqual(["modified a 7"]);
    expect(client.requests[1]?.query).toMatchObject({ resourceVersion: "6" });
  });

  test("when it ends in the middle of an event, even cleanly", async () => {
    const cut = JSON.stringify({ type: "MODIFIED", object: aThing("a", 6) }).slice(0, 40);
    const first = streamed(5, aThing("a", 1)).write(cut).end();
    const { take, client } = watch([first, new Stream().send("MODIFIED", aThing("a", 6))]);
    const taken = take(3);
    await client.clock.advance(250);
    expect(await taken).toEqual(["added a 1", "synced 5", "modified a 6"]);
    expect(client.requests[1]?.query).toMatchObject({ resourceVersion: "5" });
  });

  test("when nothing was received for the idle time, however slow the reader", async () => {
    const stream = streamed(5, aThing("a", 1));
    const { take, client } = watch([stream], { idleTimeoutMs: 1_000 });
    expect(await take(1)).toEqual(["added a 1"]);
    await client.clock.advance(5_000); // The reader is slow, not the server.
    expect(await take(1)).toEqual(["synced 5"]);
    const next = take(1);
    await client.clock.advance(999);
    expect(client.events).toEqual([]);
    await client.clock.advance(1);
    expect(client.events).toMatchObject([{ type: "watch-interrupted" }]);
    client.answer(new Stream().send("MODIFIED", aThing("a", 7)));
    await client.clock.advance(250);
    expect(await next).toEqual(["modified a 7"]);
  });

  test("later each time it is rejected, and soon again after a success", async () => {
    const { take, client } = watch([streamed(5)]);
    await take(1);
    const next = take(1);
    const first = refused(503, "ServiceUnavailable");
    client.answer(first, first, first);
    // The open stream ends by the idle time, then the three are rejected.
    await client.clock.advance(180_000);
    await client.clock.advance(10_000);
    const delays = client.events.map((event) =>
      event.type === "watch-interrupted" ? event.delayMs : 0,
    );
    expect(delays).toHaveLength(4);
    for (const [index, delayMs] of delays.entries()) {
      expect(delayMs).toBeLessThanOrEqual(250 * 2 ** index);
      expect(delayMs).toBeGreaterThanOrEqual(125 * 2 ** index);
    }
    const good = new Stream().send("ADDED", aThing("a", 6));
    client.answer(good);
    expect(await next).toEqual(["added a 6"]);
    const after = take(1);
    good.fail();
    await settled(client);
    expect(client.events.at(-1)).toMatchObject({ type: "watch-interrupted" });
    client.answer(new Stream().send("MODIFIED", aThing("a", 7)));
    await client.clock.advance(250);
    expect(await after).toEqual(["modified a 7"]);
  });

  test("after a delay if the server ends it at once, again and again", async () => {
    const { take, client } = watch([streamed(5).end(), new Stream().end()]);
    const taken = take(2);
    await settled(client);
    expect(client.requests).toHaveLength(2);
    client.answer(new Stream().send("ADDED", aThing("a", 6)));
    await client.clock.advance(250);
    expect(await taken).toEqual(["synced 5", "added a 6"]);
  });

  test("when the server says that it has failed", async () => {
    const first = streamed(5).send("ERROR", refusalStatus(500, "InternalError"));
    const { take, client } = watch([first, new Stream().send("ADDED", aThing("a", 6))]);
    const taken = take(2);
    await client.clock.advance(250);
    expect(await taken).toEqual(["synced 5", "added a 6"]);
    expect(client.requests[1]?.query).toMatchObject({ resourceVersion: "5" });
    expect(client.events).toMatchObject([{ error: { status: 500 } }]);
  });

  test("when a line is malformed, and then emits its event", async () => {
    const first = streamed(5, aThing("a", 1)).write("nonsense\n");
    const { take, client } = watch([first, new Stream().send("MODIFIED", aThing("a", 6))]);
    const taken = take(3);
    await client.clock.advance(250);
    expect(await taken).toEqual(["added a 1", "synced 5", "modified a 6"]);
    expect(client.events).toMatchObject([
      { error: { message: expect.stringContaining("JSON") as string } },
    ]);
  });

  test.each([
    ["no object", '{"type":"ADDED"}'],
    ["an unknown type", '{"type":"RENAMED","object":{"metadata":{"resourceVersion":"6"}}}'],
    ["no metadata", '{"type":"ADDED","object":{"kind":"Thing"}}'],
    ["no name", '{"type":"ADDED","object":{"metadata":{"resourceVersion":"6"}}}'],
    [
      "a version that is no text",
      '{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":6}}}',
    ],
    ["an array for an object", '{"type":"ADDED","object":[]}'],
    ["a bookmark of nothing", '{"type":"BOOKMARK","object":{"metadata":7,"kind":"Thing"}}x'],
    ["null", "null"],
  ])("when a line has %s", async (_what, line) => {
    const { take, client } = watch([
      streamed(5).write(`${line}\n`),
      new Stream().send("ADDED", aThing("a", 6)),
    ]);
    const taken = take(2);
    await client.clock.advance(250);
    expect(await taken).toEqual(["synced 5", "added a 6"]);
  });
});

describe("watch() reads the code of an error event", () => {
  test.each<[code: unknown, status: number]>([
    [410, 410],
    [503, 503],
    [undefined, 500],
    [200, 500],
    [-1, 500],
    [404.5, 500],
    ["\u001B[31m410", 500],
    [{ toString: 1 }, 500],
    ["x".repeat(1_000_000), 500],
  ])("%o as %i", async (code, status) => {
    const stream = streamed(5).send("ERROR", { kind: "Status", message: "so", code });
    const { take, client, next } = watch([stream]);
    await take(1);
    void next();
    await settled(client);
    await client.clock.advance(100_000);
    const failed = client.events.find(({ type }) => type === "watch-interrupted");
    const shown = failed as { error: ApiError } | undefined;
    if (status === 410) expect(failed).toBeUndefined();
    else expect(shown?.error).toMatchObject({ status });
    expect(shown?.error.message ?? "").not.toMatch(/\p{Cc}|.{1000}/u);
  });
});

describe("watch() and objects without a resourceVersion, which aggregated APIs compute", () => {
  const computed = (name: string, value: number): object => ({ metadata: { name }, value });

  test("returns each of them as a change, and skips a bookmark without one", async () => {
    const stream = streamed(5).send("ADDED", computed("a", 1)).send("BOOKMARK", { metadata: {} });
    stream.send("MODIFIED", computed("a", 2)).send("MODIFIED", aThing("b", 6)).end();
    const { take, next, client } = watch([stream, new Stream()]);
    expect(await take(4)).toEqual([
      "synced 5",
      "added a undefined",
      "modified a undefined",
      "added b 6",
    ]);
    void next();
    await settled(client);
    expect(client.requests[1]?.query).toMatchObject({ resourceVersion: "6" });
  });

  test("lists a kind whose lists have no version either, and lists again after each disconnect", async () => {
    const list = { metadata: {}, items: [computed("a", 1)] };
    const stream = new Stream().send("ADDED", computed("b", 1));
    const again = { metadata: {}, items: [computed("a", 2)] };
    const { take, client } = watch([refused(400, "BadRequest"), list, stream]);
    expect(await take(3)).toEqual(["added a undefined", "synced ", "added b undefined"]);
    const next = take(2);
    stream.fail();
    client.answer(again, new Stream());
    await client.clock.advance(1_000);
    expect(await next).toEqual(["modified a undefined", "deleted b undefined"]);
  });
});

describe("watch() distrusts a streaming list", () => {
  test.each([
    ["changes go on without an end of the list", "MODIFIED", 4],
    ["new objects go on without an end of the list", "ADDED", 21],
  ])("and lists after a delay if %s, and reports it", async (_what, type, pieces) => {
    const stream = new Stream().send("ADDED", aThing("a", 1));
    const { take, client } = watch([stream, listOf(90, [aThing("a", 90)]), new Stream()]);
    const events: string[] = [];
    const taking = (async () => {
      while (events.at(-1)?.startsWith("synced") !== true) events.push(...(await take(1)));
    })();
    for (let second = 0; second < 70; second += 3) {
      await client.clock.advance(3_000);
      if (client.requests.length === 1)
        stream.send(type, aThing(type === "ADDED" ? `a${second}` : "a", 2 + second));
    }
    await taking;
    expect(events.at(-1)).toBe("synced 90");
    expect(events.filter((event) => /^(?:added|modified) a/.test(event)).length).toBeLessThan(
      pieces + 3,
    );
    expect(client.requests[1]?.query).toEqual({ limit: "500" });
    expect(client.events).toMatchObject([
      {
        type: "watch-interrupted",
        error: { message: expect.stringContaining("does not mark its end") as string },
      },
    ]);
  });

  test("but waits for a large one as long as needed, while new objects arrive", async () => {
    const stream = new Stream();
    const { take, client } = watch([stream]);
    const taken = take(7);
    for (let second = 0; second < 54; second += 9) {
      await client.clock.advance(9_000);
      stream.send("ADDED", aThing(`a${second}`, 1 + second));
    }
    stream.send("BOOKMARK", initialEnd(60));
    expect((await taken).at(-1)).toBe("synced 60");
    expect(client.requests).toHaveLength(1);
  });

  test("that ends without its final bookmark, however long it lasted", async () => {
    const stream = new Stream().send("ADDED", aThing("a", 1)).send("ADDED", aThing("b", 2)).end();
    const { take, client } = watch([stream, listOf(9, [aThing("b", 2)]), new Stream()]);
    expect(await take(4)).toEqual(["added a 1", "added b 2", "deleted a 1", "synced 9"]);
    expect(client.events).toMatchObject([{ type: "watch-interrupted" }]);
  });
});

describe("watch() lists again if the version may be from a lost history", () => {
  test("after an idle time without an event or a bookmark: etcd may be restored from a backup", async () => {
    const { take, client } = watch([streamed(900, aThing("a", 800))]);
    await take(2);
    const next = take(1);
    client.answer(new Stream(), streamed(40, aThing("a", 30)));
    await client.clock.advance(181_000); // The first has received something, and is resumed.
    expect(client.requests[1]?.query).toMatchObject({ resourceVersion: "900" });
    await client.clock.advance(181_000);
    expect(await next).toEqual(["modified a 30"]);
    expect(client.requests[2]?.query).toMatchObject({ sendInitialEvents: "true" });
    expect(client.requests[2]?.query).not.toHaveProperty("resourceVersion");
  });

  test("even if something cuts the silent connection again and again", async () => {
    const streams = [
      streamed(900, aThing("a", 800)),
      new Stream(),
      new Stream(),
      new Stream(),
    ] as const;
    const { take, client } = watch([streams[0]]);
    await take(2);
    const next = take(1);
    for (const [index, stream] of streams.entries()) {
      await client.clock.advance(60_000);
      client.answer(streams[index + 1] ?? streamed(40, aThing("a", 30)));
      stream.fail();
      await client.clock.advance(1_000);
    }
    expect(await next).toEqual(["modified a 30"]);
    const from = client.requests.map(({ query }) => query["resourceVersion"]);
    expect(from).toEqual([undefined, "900", "900", "900", undefined]);
  });

  test("but continues if bookmarks arrive", async () => {
    const first = streamed(900);
    const { take, client } = watch([first]);
    await take(1);
    const next = take(1);
    await client.clock.advance(100_000);
    first.send("BOOKMARK", bookmark(901));
    await client.clock.advance(100_000);
    client.answer(new Stream().send("ADDED", aThing("b", 902)));
    first.fail();
    await client.clock.advance(1_000);
    expect(await next).toEqual(["added b 902"]);
    expect(client.requests[1]?.query).toMatchObject({ resourceVersion: "901" });
  });

  test.each<[what: string, send: (stream: Stream) => Stream]>([
    [
      "an error event of code 500",
      (stream) => stream.send("ERROR", refusalStatus(500, "InternalError")),
    ],
    ["an error event without a code", (stream) => stream.send("ERROR", { kind: "Status" })],
    ["nonsense", (stream) => stream.write("nonsense\n")],
    ["too long a line", (stream) => stream.write("x".repeat(64 * 1024 * 1024 + 1))],
  ])("after a second error of the same kind at the same version: %s", async (_what, send) => {
    const { take, client } = watch([send(streamed(5, aThing("a", 1)))]);
    await take(2);
    const next = take(1);
    client.answer(send(new Stream()), streamed(7, aThing("a", 6)));
    await client.clock.advance(1_500);
    expect(await next).toEqual(["modified a 6"]);
    const from = client.requests.map(({ query }) => query["resourceVersion"]);
    expect(from).toEqual([undefined, "5", undefined]);
  });

  test.each([[429], [503]])("but not if the server is only busy, with %i", async (status) => {
    const { take, client } = watch([streamed(5).end()]);
    await take(1);
    const next = take(1);
    client.answer(refused(status, "Busy"), refused(status, "Busy"), refused(status, "Busy"));
    client.answer(new Stream().send("ADDED", aThing("a", 6)));
    await client.clock.advance(20_000);
    expect(await next).toEqual(["added a 6"]);
    expect(client.requests.slice(1).map(({ query }) => query["resourceVersion"])).toEqual([
      "5",
      "5",
      "5",
      "5",
    ]);
  });
});

describe("watch() does not loop quickly", () => {
  /** How many requests are made within a minute. */
  async function requestsInAMinute(client: ScriptedClient): Promise<number> {
    const before = client.requests.length;
    for (let second = 0; second < 60; second++) await client.clock.advance(1_000);
    return client.requests.length - before;
  }

  test("if each watch ends at once, even with new events", async () => {
    const { take, client } = watch([streamed(5)]);
    await take(1);
    for (let version = 6; version < 500; version++) {
      client.answer(new Stream().send("BOOKMARK", bookmark(version)).end());
    }
    const next = take(1);
    const [first] = client.requests;
    expect(first?.query).toHaveProperty("sendInitialEvents");
    // The one that is open ends.
    await client.clock.advance(180_000);
    expect(await requestsInAMinute(client)).toBeLessThan(30);
    void next.catch(() => {});
  });

  test("if page two of every list has expired", async () => {
    const { take, client } = watch([
      refused(422, "Invalid"),
      listOf(5, [aThing("a", 1)]),
      new Stream().end(),
    ]);
    expect(await take(2)).toHaveLength(2);
    for (let round = 0; round < 200; round++) {
      client.answer(
        refused(410, "Expired"),
        listOf(6, [aThing("a", 1)], "more"),
        refused(410, "Expired"),
      );
      client.answer(listOf(6, [aThing("a", 1)], "more"), refused(410, "Expired"));
    }
    const next = take(1).catch(() => {});
    await client.clock.advance(1_000);
    expect(await requestsInAMinute(client)).toBeLessThan(80);
    void next;
  });
});

describe("watch() with retryInitialErrors", () => {
  test("waits for the right to list", async () => {
    const { take, client } = watch(
      [refused(403, "Forbidden"), refused(404, "NotFound"), streamed(5, aThing("a", 1))],
      {
        retryInitialErrors: true,
      },
    );
    const taken = take(2);
    await client.clock.advance(2_000);
    expect(await taken).toEqual(["added a 1", "synced 5"]);
    expect(client.events).toMatchObject([{ error: { status: 403 } }, { error: { status: 404 } }]);
  });
});

describe("watch() lists again, and emits the differences", () => {
  const known = [aThing("same", 1), aThing("changed", 2), aThing("gone", 3), aThing("other", 4)];
  const now = [
    aThing("same", 1),
    aThing("changed", 20),
    aThing("new", 21),
    aThing("other", 22, "x"),
  ];
  const difference = [
    "modified changed 20",
    "added new 21",
    "deleted other 4",
    "added other 22",
    "deleted gone 3",
  ];

  test("if the server no longer has the version, by an event", async () => {
    const first = streamed(5, ...known).send("ERROR", refusalStatus(410, "Expired"));
    const again = streamed(30, ...now).send("MODIFIED", aThing("new", 31));
    const { take, client } = watch([first, again]);
    await take(5);
    expect(await take(6)).toEqual([...difference, "modified new 31"]);
    expect(client.requests[1]?.query).not.toHaveProperty("resourceVersion");
  });

  test("if the server no longer has the version, by its status", async () => {
    const { take } = watch([
      streamed(5, ...known).end(),
      refused(410, "Expired"),
      streamed(30, ...now),
    ]);
    await take(5);
    expect(await take(5)).toEqual(difference);
  });

  test("with a plain list if the server does not support streaming ones", async () => {
    const { take } = watch([
      refused(422, "Invalid"),
      listOf(5, known),
      new Stream().send("ERROR", refusalStatus(410, "Expired")),
      listOf(30, now),
      new Stream(),
    ]);
    await take(5);
    expect(await take(5)).toEqual(difference);
  });

  test("with one long list if a list's own version expires between its pages", async () => {
    const { take, client } = watch([
      refused(422, "Invalid"),
      listOf(5, known.slice(0, 2), "more"),
      refused(410, "Expired"),
      listOf(30, now),
      new Stream(),
    ]);
    expect(await take(6)).toEqual([
      "added same 1",
      "added changed 2",
      "modified changed 20",
      "added new 21",
      "added other 22",
      "synced 30",
    ]);
    expect(client.requests[3]?.query).toEqual({});
  });

  test("if the client has moved to another server, which has its own versions", async () => {
    const first = streamed(5, ...known);
    const { take, client } = watch([first]);
    await take(5);
    client.moveTo("https://other.example/");
    first.end();
    client.answer(streamed(30, ...now));
    expect(await take(5)).toEqual(difference);
    expect(client.requests[1]?.query).not.toHaveProperty("resourceVersion");
  });

  test("if the same line is malformed a second time", async () => {
    const { take, client } = watch([
      streamed(5, ...known).write("nonsense\n"),
      new Stream().write("nonsense\n"),
      streamed(30, ...now),
    ]);
    await take(5);
    const taken = take(5);
    await client.clock.advance(1_000);
    expect(await taken).toEqual(difference);
  });

  test("without emitting anything twice if that is cut off as well", async () => {
    const first = streamed(5, ...known).send("ERROR", refusalStatus(410, "Expired"));
    const cut = new Stream().send("ADDED", aThing("changed", 20)).send("ADDED", aThing("new", 21));
    const { take, client } = watch([first, cut]);
    await take(5);
    expect(await take(2)).toEqual(["modified changed 20", "added new 21"]);
    const rest = take(3);
    cut.fail();
    client.answer(streamed(30, ...now));
    await client.clock.advance(250);
    expect(await rest).toEqual(["deleted other 4", "added other 22", "deleted gone 3"]);
  });

  test("even after a version from the caller: then all objects are new to it", async () => {
    const { take } = watch([refused(410, "Expired"), streamed(30, aThing("a", 20))], {
      resourceVersion: "5",
    });
    await expect(take(1)).rejects.toThrow(ApiError); // It never started, so the caller gets the error.
    const stream = new Stream().send("ADDED", aThing("b", 6));
    const later = watch([stream.end(), refused(410, "Expired"), streamed(30, aThing("a", 20))], {
      resourceVersion: "5",
    });
    expect(await later.take(3)).toEqual(["added b 6", "added a 20", "deleted b 6"]);
  });
});

describe("watch() ends", () => {
  test.each([
    ["a refusal", refused(403, "Forbidden"), ApiError],
    ["no connection", new ConnectionError("Cannot connect"), ConnectionError],
    ["a lost connection", new Stream().send("ADDED", aThing("a", 1)).fail(), ConnectionError],
  ])("with the error if it starts with %s", async (_what, answer, error) => {
    const { take, client } = watch([answer]);
    await expect(take(2)).rejects.toThrow(error);
    expect(client.clock.pending).toBe(0);
  });

  test("with the reason of its signal, whatever it waits for", async () => {
    const reason = new Error("enough");
    const ended = [streamed(5).end(), new Stream().end()];
    for (const answers of [[], [streamed(5)], ended]) {
      const abort = new AbortController();
      const { next, client } = watch(answers, { signal: abort.signal });
      const rest = (async () => {
        for (;;) await next();
      })();
      await settled(client);
      abort.abort(reason);
      await expect(rest).rejects.toBe(reason);
      expect(client.clock.pending).toBe(0);
    }
  });

  test("with the client", async () => {
    const { take, client } = watch([streamed(5)]);
    await take(1);
    const next = take(1);
    client.close(new ClosedError());
    await expect(next).rejects.toThrow(ClosedError);
  });

  test("when its reader leaves, and gives the connection up", async () => {
    const stream = streamed(5);
    const { take, end, client } = watch([stream]);
    await take(1);
    await end();
    await settled(client);
    expect(stream.isGivenUp).toBe(true);
    expect(client.clock.pending).toBe(0);
  });

  test("when its reader leaves while it waits for an event", async () => {
    const client = createScriptedClient();
    client.answer(streamed(5));
    const events = bindThings(client).watch();
    await events.next();
    const waiting = events.next();
    await events.return();
    expect(await waiting).toMatchObject({ done: true });
    expect(await events.next()).toMatchObject({ done: true });
    expect(client.clock.pending).toBe(0);
  });

  test("with the error of a transform, which no retry can fix", async () => {
    const { take } = watch([streamed(5, aThing("a", 1))], {
      transform() {
        throw new RangeError("no");
      },
    });
    await expect(take(1)).rejects.toThrow(RangeError);
  });
});

test("watch() does not read on while its reader is busy", async () => {
  const stream = streamed(5, aThing("a", 1));
  const { take, client } = watch([stream]);
  await take(2);
  const { pulls } = stream;
  await client.clock.advance(60_000);
  expect(stream.pulls).toBe(pulls);
});

test("watch() emits what a chunk has before an error, then reports the error and resumes after it", async () => {
  const stream = streamed(5);
  stream.write(`${modified("a", 6)}\n${modified("b", 7)}\nnonsense\n`);
  const { take, client } = watch([stream, new Stream().send("MODIFIED", aThing("a", 8))]);
  expect(await take(2)).toEqual(["synced 5", "added a 6"]);
  await settled(client);
  expect(client.events).toEqual([]);
  expect(await take(1)).toEqual(["added b 7"]);
  const next = take(1);
  await client.clock.advance(30_000);
  expect(await next).toEqual(["modified a 8"]);
  expect(client.events).toMatchObject([{ type: "watch-interrupted" }]);
  expect(client.requests[1]?.query).toMatchObject({ resourceVersion: "7" });
});

function modified(name: string, version: number): string {
  return JSON.stringify({ type: "MODIFIED", object: aThing(name, version) });
}

describe("watch() with a schema", () => {
  const schema: ObjectSchema<KubeObject> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) =>
        (value as KubeObject).metadata?.name === "bad"
          ? { issues: [{ message: "is bad", path: ["metadata", "name"] }] }
          : {},
    },
  };
  const stream = (): Stream => streamed(5, aThing("good", 1), aThing("bad", 2));

  test("emits an invalid object and reports it", async () => {
    const { take, client } = watch([stream()], {}, { schema, check: "warn" });
    expect(await take(3)).toEqual(["added good 1", "added bad 2", "synced 5"]);
    expect(client.events).toMatchObject([
      {
        type: "invalid-object",
        error: { message: "Cannot use Thing default/bad: metadata.name: is bad" },
      },
    ]);
  });

  test("ends at an invalid object if it must be rejected", async () => {
    const { take } = watch([stream()], {}, { schema, check: "reject" });
    expect(await take(1)).toEqual(["added good 1"]);
    await expect(take(1)).rejects.toMatchObject({ name: "InvalidObjectError" });
  });

  test("reports nothing if validation is off", async () => {
    const { take, client } = watch([stream()], {}, { schema, check: "off" });
    await take(3);
    expect(client.events).toEqual([]);
  });
});

test.each<[what: string, options: object]>([
  ["an option that there is not", { idle: 1 }],
  ["an idle time that is none", { idleTimeoutMs: 0 }],
  ["an idle time without end", { idleTimeoutMs: Number.POSITIVE_INFINITY }],
])("watch() rejects %s", (_what, options) => {
  const resource = bindThings(createScriptedClient());
  expect(() => resource.watch(options)).toThrow(/Cannot use option idle/);
});
