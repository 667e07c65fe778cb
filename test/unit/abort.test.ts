/**
 * Waits that an `AbortSignal` ends.
 *
 * @module
 */

import { expect, test, vi } from "vitest";
import { orAborted, sleep } from "../../src/abort.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { settle, watch } from "./support/scripted-source.ts";

test("orAborted() returns the promise's value", async () => {
  const { signal } = new AbortController();
  const failure = new Error("failed");
  expect(await orAborted(Promise.resolve(1), signal)).toBe(1);
  expect(await orAborted(Promise.resolve(1), undefined)).toBe(1);
  await expect(orAborted(Promise.reject(failure), signal)).rejects.toBe(failure);
});

test("orAborted() rejects with the signal's reason at once, and ignores a later rejection", async () => {
  const controller = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const wait = watch(orAborted(promise, controller.signal));
  controller.abort(new Error("enough"));
  await settle(new ManualClock());
  expect(wait.error).toBe(controller.signal.reason);
  reject(new Error("late"));
  await expect(orAborted(promise, AbortSignal.abort("before"))).rejects.toBe("before");
});

test("orAborted() leaves no listener behind", async () => {
  const { signal } = new AbortController();
  const added = vi.spyOn(signal, "addEventListener");
  const removed = vi.spyOn(signal, "removeEventListener");
  await orAborted(Promise.resolve(), signal);
  await orAborted(Promise.reject(new Error("failed")), signal).catch(() => {});
  expect(removed.mock.calls.length).toBeGreaterThanOrEqual(2);
  expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
    added.mock.calls.map(([, listener]) => listener),
  );
});

test("sleep() ends with its time or its signal, and leaves no timer", async () => {
  const clock = new ManualClock();
  const whole = watch(sleep(clock, 100));
  const controller = new AbortController();
  const cut = watch(sleep(clock, 100, controller.signal));
  expect(clock.pending).toBe(2);
  controller.abort();
  await settle(clock);
  expect(cut.error).toBe(controller.signal.reason);
  expect(clock.pending).toBe(1);
  await clock.advance(99);
  expect(whole.settled).toBe(false);
  await clock.advance(1);
  expect(whole.settled).toBe(true);
  await expect(sleep(clock, 100, AbortSignal.abort("before"))).rejects.toBe("before");
  expect(clock.pending).toBe(0);
});
