/**
 * Sources whose values a stream pushes. They follow the rules of the reload engine.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ReanchorEvent } from "../../../src/events.ts";
import type { PushStream } from "../../../src/sources/push-feed.ts";
import {
  bindPushCaSource,
  bindPushClientCertSource,
  bindPushTokenSource,
} from "../../../src/sources/push-source.ts";
import type { SourceOptions } from "../../../src/sources/source.ts";
import { createCa } from "../../support/pki.ts";
import { rejection } from "../../support/rejection.ts";
import { anchorPem } from "../support/certificates.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";
import { settle } from "../support/scripted-source.ts";
// Loaded lazily by the sources. Imported here so that it takes no time later.
import "../../../src/sources/push-feed.ts";

const MINUTE = 60_000;

/** A token source whose streams the test plays. */
function setUp(options?: SourceOptions, sharedReads = true) {
  const runtime = createFakeRuntime({ capabilities: { sharedReads } });
  const streams: PushStream<string>[] = [];
  const events: ReanchorEvent[] = [];
  let first: string | undefined = "first";
  const source = bindPushTokenSource(runtime)((stream) => {
    streams.push(stream);
    if (first !== undefined) stream.push(first);
  }, options);
  source.subscribe((event) => void events.push(event));
  return {
    ...runtime,
    source,
    streams,
    events,
    /** The first value of the next streams; `undefined` for none. */
    begin(value: string | undefined) {
      first = value;
    },
    last(): PushStream<string> {
      const stream = streams.at(-1);
      if (stream === undefined) throw new Error("there is no stream");
      return stream;
    },
    types: () => events.splice(0).map(({ type }) => type),
  };
}

describe("a push source", () => {
  test("current() listens from the first use on, once for all callers", async () => {
    const { source, streams } = setUp();
    expect(streams).toHaveLength(0);
    expect(source.peek()).toBeUndefined();
    const values = await Promise.all([source.current(), source.current(), source.current()]);
    expect(values).toEqual(["first", "first", "first"]);
    expect(streams).toHaveLength(1);
    expect(source.status).toMatchObject({ kind: "token", source: "stream", failures: 0 });
  });

  test("current() waits for the first value", async () => {
    const { source, clock, last, begin } = setUp();
    begin(undefined);
    const value = source.current();
    await settle(clock);
    last().push("late");
    expect(await value).toBe("late");
  });

  test("a pushed value becomes current and emits an event, even without a use", async () => {
    const { source, clock, last, types, streams } = setUp();
    await source.current();
    await clock.advance(1_000);
    last().push("second");
    await settle(clock);
    expect(source.peek()).toBe("second");
    expect(types()).toEqual(["token-reloaded"]);
    expect(await source.current()).toBe("second");
    expect(streams).toHaveLength(1);
  });

  test("many values at once count as the latest one", async () => {
    const { source, clock, last, types } = setUp();
    await source.current();
    for (let push = 0; push < 50; push += 1) last().push(`value-${push}`);
    await clock.advance(100);
    await settle(clock);
    expect(source.peek()).toBe("value-49");
    expect(types()).toEqual(["token-reloaded"]);
  });

  test("a silent stream is not stale, however long the silence lasts", async () => {
    const { source, clock, streams } = setUp();
    await source.current();
    for (let minute = 0; minute < 10; minute += 1) {
      await clock.advance(MINUTE);
      await source.current();
    }
    expect(source.status).toMatchObject({ failures: 0, stale: false, ageMs: 0 });
    expect(streams).toHaveLength(1);
  });

  test("a failure keeps the value, and the next use after the backoff listens again", async () => {
    const { source, clock, last, types, streams, begin } = setUp();
    await source.current();
    await clock.advance(1_000);
    last().fail(new Error("the agent was restarted"));
    await settle(clock);
    expect(types()).toEqual(["reload-failed"]);
    expect(source.status).toMatchObject({
      failures: 1,
      lastError: "Cannot load token from stream: the agent was restarted",
    });
    expect(await source.current()).toBe("first");
    expect(streams).toHaveLength(1);
    expect(streams[0]?.signal.aborted).toBe(true);

    begin("second");
    await clock.advance(1_000);
    expect(await source.current()).toBe("second");
    expect(streams).toHaveLength(2);
    expect(source.status).toMatchObject({ failures: 0, lastError: undefined });
    expect(types()).toEqual(["token-reloaded"]);
  });

  test("a failed stream can't push any more", async () => {
    const { source, clock, last } = setUp();
    await source.current();
    await clock.advance(1_000);
    const stream = last();
    stream.fail(new Error("broken"));
    stream.push("too late");
    await settle(clock);
    expect(source.peek()).toBe("first");
  });

  test("a stream that is down for three intervals is stale, and reports it once", async () => {
    const { source, clock, last, types, begin } = setUp({ readTimeoutMs: 1_000 });
    await source.current();
    begin(undefined);
    await clock.advance(1_000);
    last().fail(new Error("broken"));
    await settle(clock);
    for (let minute = 0; minute < 5; minute += 1) {
      await clock.advance(MINUTE);
      const value = source.current();
      await settle(clock);
      last().fail(new Error("still broken"));
      expect(await value).toBe("first");
    }
    expect(source.status.stale).toBe(true);
    expect(types().filter((type) => type === "stale")).toEqual(["stale"]);
  });

  test("a first value that takes too long counts as a failed read, and ends that stream", async () => {
    const { source, clock, streams, begin } = setUp({ readTimeoutMs: 1_000 });
    begin(undefined);
    const failed = rejection(source.current());
    await settle(clock);
    await clock.advance(1_000);
    expect(await failed).toMatchObject({ name: "SourceError", reason: "timeout" });
    await settle(clock);
    expect(streams[0]?.signal.aborted).toBe(true);
    begin("back");
    expect(await source.current()).toBe("back");
    expect(clock.pending).toBe(0);
  });

  test("a bad value counts as a failed read, and the stream continues", async () => {
    const { source, clock, last, types, streams } = setUp();
    await source.current();
    await clock.advance(1_000);
    last().push("");
    await settle(clock);
    expect(types()).toEqual(["reload-failed"]);
    expect(source.peek()).toBe("first");
    await clock.advance(1_000);
    last().push("second");
    await settle(clock);
    expect(source.peek()).toBe("second");
    expect(streams).toHaveLength(1);
  });

  test("reload() returns what was pushed, and requests nothing", async () => {
    const { source, clock, streams } = setUp();
    await source.current();
    await clock.advance(1_000);
    expect(await source.reload()).toBe("first");
    expect(streams).toHaveLength(1);
  });

  test("close() ends the stream, and keeps the value", async () => {
    const { source, clock, last, types, streams } = setUp();
    await source.current();
    source.close();
    source[Symbol.dispose]();
    expect(last().signal.aborted).toBe(true);
    await settle(clock);
    expect(source.peek()).toBe("first");
    await clock.advance(MINUTE);
    expect(await source.current()).toBe("first");
    expect(source.status.lastError).toContain("it was closed");
    expect(types()).toContain("reload-failed");
    expect(streams).toHaveLength(1);
  });

  test("close() before the first use listens to nothing", async () => {
    const { source, streams } = setUp();
    source.close();
    expect(await rejection(source.current())).toMatchObject({ name: "SourceError" });
    expect(streams).toHaveLength(0);
  });

  test("close() ends a use that waits for the first value", async () => {
    const { source, clock, begin } = setUp();
    begin(undefined);
    const failed = rejection(source.current());
    await settle(clock);
    source.close();
    expect(await failed).toMatchObject({ name: "SourceError" });
  });

  test("without shared promises, each read listens for one value", async () => {
    const { source, clock, streams, begin } = setUp(undefined, false);
    expect(await source.current()).toBe("first");
    expect(streams[0]?.signal.aborted).toBe(true);
    streams[0]?.push("too late");
    await settle(clock);
    expect(source.peek()).toBe("first");
    begin("second");
    await clock.advance(MINUTE);
    const both = await Promise.all([source.current(), source.current()]);
    expect(both).toEqual(["second", "second"]);
    expect(streams).toHaveLength(3);
    expect(streams.every(({ signal }) => signal.aborted)).toBe(true);
  });
});

describe("an asynchronous listener", () => {
  test("may push as long as it runs, and its end is a failure", async () => {
    const runtime = createFakeRuntime();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const source = bindPushTokenSource(runtime)(async ({ push }) => {
      push("first");
      await ended;
    });
    expect(await source.current()).toBe("first");
    await runtime.clock.advance(1_000);
    end();
    await settle(runtime.clock);
    expect(source.status.lastError).toBe("Cannot load token from stream: the stream ended");
    expect(source.peek()).toBe("first");
  });

  test.each([
    ["rejects", () => Promise.reject(new Error("no agent"))],
    [
      "throws",
      () => {
        throw new Error("no agent");
      },
    ],
  ])("that %s counts as a failed read", async (_, listen) => {
    const source = bindPushTokenSource(createFakeRuntime())(listen);
    expect(String(await rejection(source.current()))).toContain("no agent");
  });
});

test("pushCaSource() and pushClientCertSource() check pushed values as every source does", async () => {
  const runtime = createFakeRuntime();
  const bundle = bindPushCaSource(runtime)(({ push }) => push(anchorPem("a", 1)));
  expect((await bundle.current()).anchors).toMatchObject([{ subject: "CN=a" }]);
  expect(bundle.status.kind).toBe("ca");
  const bad = bindPushCaSource(runtime)(({ push }) => push("not PEM"));
  expect(await rejection(bad.current())).toMatchObject({ reason: "invalid" });

  const { cert: certificate, key } = await (await createCa()).issue({ client: true });
  const pair = bindPushClientCertSource(runtime)(({ push }) => push({ certificate, key }));
  expect(await pair.current()).toMatchObject({ subject: "CN=client" });
  const other = await (await createCa()).issue({ client: true });
  const mixed = bindPushClientCertSource(runtime)(({ push }) =>
    push({ certificate, key: other.key }),
  );
  const failed = rejection(mixed.current());
  for (let look = 0; look < 5; look += 1) {
    await settle(runtime.clock);
    await new Promise((resolve) => void setTimeout(resolve, 5));
    await runtime.clock.advance(25);
  }
  expect(String(await failed)).toContain("does not belong to the certificate");
});

test.each([[undefined], ["a stream"], [{}]])(
  "pushTokenSource() rejects %j as a listener",
  (given) => {
    expect(() => bindPushTokenSource(createFakeRuntime())(given as never)).toThrow(TypeError);
  },
);

test("pushTokenSource() rejects an option that does not exist", () => {
  const make = bindPushTokenSource(createFakeRuntime());
  expect(() => make(() => {}, { intervalMs: 1 } as never)).toThrow(/option intervalMs/);
});
