/**
 * The reload engine when a read exceeds its time limit, and when reads are not shared.
 *
 * @module
 */

import { expect, test } from "vitest";
import { SourceError } from "../../../src/errors.ts";
import { createScriptedSource, settle, watch } from "../support/scripted-source.ts";

test("current() counts a read as failed when it takes longer than its time limit", async () => {
  const script = createScriptedSource();
  const first = await script.source.current();
  script.content = undefined;
  await script.clock.advance(60_000);
  const waiting = watch(script.source.current());
  await script.clock.advance(4_999);
  expect(waiting.settled).toBe(false);
  await script.clock.advance(1);
  expect(waiting.value).toBe(first);
  expect(script.reads[1]?.signal.aborted).toBe(true);
  expect(script.source.status.lastError).toMatch(/longer than 5000 ms/);
  expect(script.events).toMatchObject([{ type: "reload-failed", error: { reason: "timeout" } }]);
  expect(script.clock.pending).toBe(0);
});

test("current() throws at its time limit when nothing was ever loaded", async () => {
  const script = createScriptedSource({ readTimeoutMs: 200 });
  script.content = undefined;
  const waiting = watch(script.source.current());
  await script.clock.advance(200);
  expect(waiting.error).toBeInstanceOf(SourceError);
  expect(waiting.error).toMatchObject({ reason: "timeout" });
});

test("current() starts no second read while one that timed out is still running", async () => {
  const script = createScriptedSource();
  const first = await script.source.current();
  script.content = undefined;
  await script.clock.advance(60_000);
  const waiting = watch(script.source.current());
  await script.clock.advance(5_000);
  expect(waiting.settled).toBe(true);
  for (let minute = 0; minute < 10; minute++) {
    await script.clock.advance(60_000);
    expect(await script.source.current()).toBe(first);
  }
  const demand = watch(script.source.reload());
  await script.clock.advance(100);
  expect(demand.value).toBe(first);
  expect(script.reads).toHaveLength(2);
  expect(script.source.status.lastError).toMatch(/still not ended/);
  expect(script.clock.pending).toBe(0);
});

test("current() adopts the late result of a read that timed out, and reads again after", async () => {
  const script = createScriptedSource();
  await script.source.current();
  script.content = undefined;
  await script.clock.advance(60_000);
  void watch(script.source.current());
  await script.clock.advance(5_000);
  script.reads[1]?.succeed("late");
  await settle(script.clock);
  expect(script.source.peek()).toEqual({ text: "late" });
  expect(script.source.status).toMatchObject({ failures: 0, lastError: undefined, ageMs: 5_000 });
  expect(script.events.at(-1)).toMatchObject({ type: "ca-reloaded", fingerprint: "late" });
  script.content = "third";
  await script.clock.advance(55_000);
  expect(await script.source.current()).toEqual({ text: "third" });
  expect(script.reads).toHaveLength(3);
});

test("current() reads again when the read that timed out has finally failed", async () => {
  const script = createScriptedSource();
  await script.source.current();
  script.content = undefined;
  await script.clock.advance(60_000);
  void watch(script.source.current());
  await script.clock.advance(5_000);
  script.reads[1]?.fail(new Error("aborted"));
  script.content = "second";
  await script.clock.advance(60_000);
  expect(await script.source.current()).toEqual({ text: "second" });
});

test("current() counts the time limit from the read's start for callers that join it late", async () => {
  const script = createScriptedSource();
  script.content = undefined;
  const controller = new AbortController();
  void watch(script.source.current({ signal: controller.signal }));
  await script.clock.advance(3_000);
  controller.abort();
  await script.clock.advance(1_000);
  const late = watch(script.source.current());
  await script.clock.advance(999);
  expect(late.settled).toBe(false);
  await script.clock.advance(1);
  expect(late.error).toMatchObject({ reason: "timeout" });
  expect(script.reads).toHaveLength(1);
});

test("current() adopts a read whose callers have all left when it ends", async () => {
  const script = createScriptedSource();
  script.content = undefined;
  const controller = new AbortController();
  void watch(script.source.current({ signal: controller.signal }));
  await settle(script.clock);
  controller.abort();
  await script.clock.advance(60_000);
  script.reads[0]?.succeed("first");
  await settle(script.clock);
  expect(script.source.peek()).toEqual({ text: "first" });
});

test("without shared reads, current() reads for each caller whose value has aged", async () => {
  const script = createScriptedSource({ sharedReads: false });
  await script.source.current();
  script.content = undefined;
  await script.clock.advance(60_000);
  const callers = [script.source.current(), script.source.current(), script.source.current()];
  const watched = callers.map((caller) => watch(caller));
  await settle(script.clock);
  expect(script.reads).toHaveLength(4);
  // Each caller waits only for its own read: one that never ends blocks no other.
  script.reads[2]?.succeed("second");
  await settle(script.clock);
  expect(watched.map(({ settled }) => settled)).toEqual([false, true, false]);
  expect(await script.source.current()).toEqual({ text: "second" });
  expect(script.reads).toHaveLength(4);
});

test("without shared reads, an older read that ends late never replaces a newer one", async () => {
  const script = createScriptedSource({ sharedReads: false });
  script.content = undefined;
  const older = watch(script.source.current());
  await script.clock.advance(10);
  const newer = watch(script.source.current());
  await settle(script.clock);
  script.reads[1]?.succeed("newer");
  await settle(script.clock);
  script.reads[0]?.succeed("older");
  await settle(script.clock);
  expect(newer.value).toEqual({ text: "newer" });
  expect(older.value).toBe(newer.value);
  expect(script.source.peek()).toBe(newer.value);
  expect(script.source.status.ageMs).toBe(0);
});

test("without shared reads, an older read that fails late does not affect a newer one", async () => {
  const script = createScriptedSource({ sharedReads: false });
  script.content = undefined;
  const older = watch(script.source.current());
  const newer = watch(script.source.current());
  await settle(script.clock);
  script.reads[1]?.succeed("newer");
  await settle(script.clock);
  script.reads[0]?.fail(new Error("gone"));
  await settle(script.clock);
  expect(older.value).toBe(newer.value);
  expect(script.source.status).toMatchObject({ failures: 0, lastError: undefined });
  expect(script.events).toEqual([]);
});

test("without shared reads, a read that timed out does not prevent other reads", async () => {
  const script = createScriptedSource({ sharedReads: false });
  const first = await script.source.current();
  script.content = undefined;
  await script.clock.advance(60_000);
  const waiting = watch(script.source.current());
  await script.clock.advance(5_000);
  expect(waiting.value).toBe(first);
  script.content = "second";
  await script.clock.advance(1_000);
  expect(await script.source.current()).toEqual({ text: "second" });
});

test("without shared reads, reload() waits for the cooldown and uses what was read since the call", async () => {
  const script = createScriptedSource({ sharedReads: false });
  await script.source.current();
  script.content = "second";
  const callers = [script.source.reload(), script.source.reload()];
  const watched = callers.map((caller) => watch(caller));
  await settle(script.clock);
  expect(script.reads).toHaveLength(1);
  expect(script.clock.pending).toBe(2); // One read each, because promises are not shared.
  await script.clock.advance(100);
  expect(watched.map(({ value }) => value)).toEqual([{ text: "second" }, { text: "second" }]);
  expect(script.reads).toHaveLength(2); // The first caller's read began after the second's call too.
  expect(script.clock.pending).toBe(0);
});

test("without shared reads, an abort ends the wait at once and leaves no timer", async () => {
  const script = createScriptedSource({ sharedReads: false });
  script.content = undefined;
  const controller = new AbortController();
  const { signal } = controller;
  const waits = [watch(script.source.current({ signal })), watch(script.source.reload({ signal }))];
  await settle(script.clock);
  expect(script.clock.pending).toBe(2);
  controller.abort();
  await settle(script.clock);
  expect(waits.map(({ error }) => error)).toEqual([signal.reason, signal.reason]);
  expect(script.clock.pending).toBe(0);
});

test("without shared reads, an aborted signal starts no read", async () => {
  const script = createScriptedSource({ sharedReads: false });
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(script.source.current({ signal })).rejects.toBe(signal.reason);
  await expect(script.source.reload({ signal })).rejects.toBe(signal.reason);
  await settle(script.clock);
  expect(script.reads).toEqual([]);
});
