/**
 * The reload engine: age, single flight, events, expiry, aborts, listeners.
 *
 * @module
 */

import { expect, test, vi } from "vitest";
import { createScriptedSource, settle, watch } from "../support/scripted-source.ts";

test("current() returns the same object with no read when the value is younger than the interval", async () => {
  const script = createScriptedSource();
  const first = await script.source.current();
  await script.clock.advance(59_999);
  script.content = "second";
  expect(await script.source.current()).toBe(first);
  expect(script.reads).toHaveLength(1);
  await script.clock.advance(1);
  expect(await script.source.current()).toEqual({ text: "second" });
  expect(script.reads).toHaveLength(2);
});

test("current() reads nothing by itself when it is not called", async () => {
  const script = createScriptedSource();
  await script.source.current();
  await script.clock.advance(3_600_000);
  expect(script.reads).toHaveLength(1);
  expect(script.clock.pending).toBe(0);
});

test("current() reads once for any number of callers when the value has aged", async () => {
  const script = createScriptedSource();
  await script.source.current();
  script.content = undefined;
  await script.clock.advance(60_000);
  const callers = Array.from({ length: 1_000 }, () => script.source.current());
  await settle(script.clock);
  expect(script.reads).toHaveLength(2);
  script.reads[1]?.succeed("second");
  const values = await Promise.all(callers);
  expect(new Set(values).size).toBe(1);
  expect(values[0]).toEqual({ text: "second" });
  expect(script.clock.pending).toBe(0);
});

test("current() reads once for callers that ask while the first value is loaded", async () => {
  const script = createScriptedSource();
  script.content = undefined;
  const callers = [script.source.current(), script.source.current()];
  await settle(script.clock);
  expect(script.reads).toHaveLength(1);
  script.reads[0]?.succeed("first");
  const [one, other] = await Promise.all(callers);
  expect(one).toBe(other);
});

test("current() measures the age from the start of a slow read", async () => {
  const script = createScriptedSource();
  script.content = undefined;
  const first = script.source.current();
  await script.clock.advance(4_000);
  script.reads[0]?.succeed("first");
  await first;
  expect(script.source.status.ageMs).toBe(4_000);
  script.content = "second";
  await script.clock.advance(55_999);
  await script.source.current();
  expect(script.reads).toHaveLength(1);
  await script.clock.advance(1);
  await script.source.current();
  expect(script.reads).toHaveLength(2);
});

test("current() returns the same object when the content has not changed", async () => {
  const script = createScriptedSource();
  const first = await script.source.current();
  const { loadedAt } = script.source.status;
  await script.clock.advance(60_000);
  expect(await script.source.current()).toBe(first);
  expect(script.reads).toHaveLength(2);
  expect(script.source.status.loadedAt).toBe(loadedAt);
  expect(script.source.status.checkedAt).toBe(script.clock.wallNow());
  expect(script.events).toEqual([{ type: "ca-unchanged", source: "script", fingerprint: "first" }]);
});

test("current() emits one event when the content has changed, and none for the first load", async () => {
  const script = createScriptedSource();
  await script.source.current();
  expect(script.events).toEqual([]);
  script.content = "second";
  await script.clock.advance(60_000);
  await Promise.all([script.source.current(), script.source.current()]);
  expect(script.events).toMatchObject([
    { type: "ca-reloaded", fingerprint: "second", previousFingerprint: "first" },
  ]);
});

test("current() reads ahead of the interval when the value expires before", async () => {
  const script = createScriptedSource();
  script.expiresAt = script.clock.wallNow() + 20_000;
  await script.source.current();
  await script.clock.advance(19_999);
  await script.source.current();
  expect(script.reads).toHaveLength(1);
  await script.clock.advance(1);
  await script.source.current();
  expect(script.reads).toHaveLength(2);
});

test("current() uses the interval when the value expires after it", async () => {
  const script = createScriptedSource();
  script.expiresAt = script.clock.wallNow() + 3_600_000;
  await script.source.current();
  await script.clock.advance(60_000);
  await script.source.current();
  expect(script.reads).toHaveLength(2);
});

test("current() reads no more than once a second when the value has expired already", async () => {
  const script = createScriptedSource();
  script.expiresAt = script.clock.wallNow() - 1;
  for (let call = 0; call < 100; call++) await script.source.current();
  expect(script.reads).toHaveLength(1);
  await script.clock.advance(1_000);
  for (let call = 0; call < 100; call++) await script.source.current();
  expect(script.reads).toHaveLength(2);
});

test("current() uses monotonic time when the wall clock is set back", async () => {
  const script = createScriptedSource();
  await script.source.current();
  script.clock.setWall(new Date("2020-01-01T00:00:00Z"));
  await script.clock.advance(59_999);
  await script.source.current();
  expect(script.reads).toHaveLength(1);
  await script.clock.advance(1);
  await script.source.current();
  expect(script.reads).toHaveLength(2);
});

test("current() returns a fresh value without checking the signal, but otherwise rejects an aborted one", async () => {
  const script = createScriptedSource();
  const reason = new Error("enough");
  await expect(script.source.current({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(script.reads).toHaveLength(0);
  const first = await script.source.current();
  expect(await script.source.current({ signal: AbortSignal.abort(reason) })).toBe(first);
});

test("current() ends one wait at once and leaves no timer when it is aborted", async () => {
  const script = createScriptedSource();
  script.content = undefined;
  const controller = new AbortController();
  const aborted = watch(script.source.current({ signal: controller.signal }));
  await settle(script.clock);
  expect(script.clock.pending).toBe(1);
  controller.abort(new Error("enough"));
  await settle(script.clock);
  expect(aborted.error).toBe(controller.signal.reason);
  expect(script.clock.pending).toBe(0);
  // The read continues for later callers.
  const later = script.source.current();
  script.reads[0]?.succeed("first");
  expect(await later).toEqual({ text: "first" });
  expect(script.reads).toHaveLength(1);
  expect(script.clock.pending).toBe(0);
});

test("current() serves the others when one waiting caller is aborted", async () => {
  const script = createScriptedSource();
  script.content = undefined;
  const controller = new AbortController();
  const aborted = watch(script.source.current({ signal: controller.signal }));
  const waiting = script.source.current();
  controller.abort();
  await settle(script.clock);
  expect(aborted.settled).toBe(true);
  script.reads[0]?.succeed("first");
  expect(await waiting).toEqual({ text: "first" });
});

test("subscribe() hides a listener's exception from the caller and from the other listeners", async () => {
  const script = createScriptedSource();
  const seen = vi.fn();
  script.source.subscribe(() => {
    throw new Error("an observer's own");
  });
  script.source.subscribe(seen);
  const first = await script.source.current();
  script.content = new Error("gone");
  await script.clock.advance(60_000);
  expect(await script.source.current()).toBe(first);
  expect(seen).toHaveBeenCalledOnce();
});

test("subscribe() returns a function that removes the listener once, even if it was added twice", async () => {
  const script = createScriptedSource();
  const seen = vi.fn();
  const remove = script.source.subscribe(seen);
  script.source.subscribe(seen);
  await script.source.current();
  await script.clock.advance(60_000);
  await script.source.current();
  expect(seen).toHaveBeenCalledTimes(2);
  remove();
  remove();
  await script.clock.advance(60_000);
  await script.source.current();
  expect(seen).toHaveBeenCalledTimes(3);
});

test("a source rejects invalid options", () => {
  const misspelt = { cooldownMs: 100, coolDownMs: 5 };
  expect(() => createScriptedSource(misspelt)).toThrow(
    /^Cannot use option coolDownMs of a .* source/,
  );
  expect(() => createScriptedSource({ reloadIntervalMs: -1 })).toThrow(RangeError);
  expect(() => createScriptedSource({ cooldownMs: Number.NaN })).toThrow(TypeError);
  expect(() => createScriptedSource({ readTimeoutMs: 0 })).toThrow(RangeError);
  expect(() => createScriptedSource({ reloadIntervalMs: 2 ** 31 })).toThrow(/reloadIntervalMs/);
});
