/**
 * The reload engine when reads fail: the last good value, the backoff, and when a value is stale.
 *
 * @module
 */

import { expect, test } from "vitest";
import { SourceError } from "../../../src/errors.ts";
import { createScriptedSource } from "../support/scripted-source.ts";

test("current() keeps the last good value, records the error and emits when a read fails", async () => {
  const script = createScriptedSource();
  const first = await script.source.current();
  const cause = new Error("no such file");
  script.content = cause;
  await script.clock.advance(60_000);
  expect(await script.source.current()).toBe(first);
  expect(script.source.peek()).toBe(first);
  const { failures, lastError, stale } = script.source.status;
  expect({ failures, stale }).toEqual({ failures: 1, stale: false });
  expect(lastError).toBe("Cannot load CA bundle from script: no such file");
  expect(script.events).toHaveLength(1);
  expect(script.events).toMatchObject([
    { type: "reload-failed", kind: "ca", source: "script", failures: 1, retryInMs: 1_000 },
  ]);
  const [event] = script.events;
  if (event?.type !== "reload-failed") throw new TypeError("no such event");
  expect(event.error).toBeInstanceOf(SourceError);
  expect(event.error.reason).toBe("unreadable");
  expect(event.error.cause).toBe(cause);
});

test("current() clears the error when a read is good again", async () => {
  const script = createScriptedSource();
  await script.source.current();
  script.content = new Error("gone");
  await script.clock.advance(60_000);
  await script.source.current();
  script.content = "second";
  await script.clock.advance(1_000);
  expect(await script.source.current()).toEqual({ text: "second" });
  expect(script.source.status).toMatchObject({ failures: 0, lastError: undefined, ageMs: 0 });
});

test("current() backs off from 1 s, doubling up to the interval, when reads keep failing", async () => {
  const script = createScriptedSource({ reloadIntervalMs: 10_000 });
  await script.source.current();
  script.content = new Error("gone");
  await script.clock.advance(10_000);
  await script.source.current();
  for (const [index, wait] of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000].entries()) {
    const failed = script.events.findLast(({ type }) => type === "reload-failed");
    expect(failed).toMatchObject({ failures: index + 1, retryInMs: wait });
    await script.clock.advance(wait - 1);
    await script.source.current();
    expect(script.reads).toHaveLength(index + 2);
    await script.clock.advance(1);
    await script.source.current();
    expect(script.reads).toHaveLength(index + 3);
  }
});

test("current() records an attempt when it starts, even if the read is slow to fail", async () => {
  const script = createScriptedSource();
  await script.source.current();
  script.content = undefined;
  await script.clock.advance(60_000);
  const waiting = script.source.current();
  await script.clock.advance(600);
  script.reads[1]?.fail(new Error("gone"));
  await waiting;
  // 1 s after the attempt began, which is 400 ms after it failed.
  await script.clock.advance(399);
  await script.source.current();
  expect(script.reads).toHaveLength(2);
  script.content = "second";
  await script.clock.advance(1);
  await script.source.current();
  expect(script.reads).toHaveLength(3);
});

test("current() throws to the caller when nothing was ever loaded, and tries again at the next call", async () => {
  const script = createScriptedSource();
  script.content = new Error("no such file");
  const [one, other] = await Promise.allSettled([script.source.current(), script.source.current()]);
  expect(script.reads).toHaveLength(1);
  expect(one).toMatchObject({ status: "rejected", reason: { code: "ERR_REANCHOR_SOURCE" } });
  expect(other.status).toBe("rejected");
  expect(script.source.peek()).toBeUndefined();
  expect(script.source.status).toMatchObject({ failures: 1, stale: false, ageMs: undefined });
  script.content = "first";
  expect(await script.source.current()).toEqual({ text: "first" });
});

test("status reports stale past three intervals without a good read, with one event, and resets", async () => {
  const script = createScriptedSource({ reloadIntervalMs: 10_000 });
  const first = await script.source.current();
  script.content = new Error("gone");
  const stale = (): number => script.events.filter(({ type }) => type === "stale").length;
  for (let elapsed = 10_000; elapsed <= 30_000; elapsed += 10_000) {
    await script.clock.advance(10_000);
    await script.source.current();
  }
  expect(script.source.status.stale).toBe(false);
  expect(stale()).toBe(0);
  await script.clock.advance(10_000);
  expect(await script.source.current()).toBe(first);
  expect(script.source.status.stale).toBe(true);
  await script.clock.advance(10_000);
  await script.source.current();
  expect(stale()).toBe(1);
  expect(script.events.find(({ type }) => type === "stale")).toEqual({
    type: "stale",
    kind: "ca",
    source: "script",
    ageMs: 40_000,
  });

  script.content = "second";
  await script.clock.advance(10_000);
  await script.source.current();
  expect(script.source.status.stale).toBe(false);
  script.content = new Error("gone again");
  for (let failed = 0; failed < 6; failed++) {
    await script.clock.advance(10_000);
    await script.source.current();
  }
  expect(stale()).toBe(2);
});

test("status is not stale when nothing has asked for longer than three intervals", async () => {
  const script = createScriptedSource();
  await script.source.current();
  await script.clock.advance(3_600_000);
  expect(script.source.status).toMatchObject({ stale: false, ageMs: 3_600_000 });
});
