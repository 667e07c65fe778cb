/**
 * The time limits of requests, which share timers.
 *
 * @module
 */

import { expect, test } from "vitest";
import type { Alarm, Clock } from "../../../src/runtime.ts";
import { Deadlines, type TimeLimit } from "../../../src/transport/deadlines.ts";

/** A clock that the test advances, and the timers that are set. */
function createClock() {
  let now = 0;
  const alarms = new Map<object, { at: number; callback: () => void; isReferenced: boolean }>();
  const clock: Clock = {
    now: () => now,
    wallNow: () => now,
    random: () => 0,
    setTimeout() {
      throw new Error("Cannot set a timer: only alarms are expected");
    },
    setAlarm(callback, delayMs): Alarm {
      const key = {};
      const alarm = { at: now + delayMs, callback, isReferenced: true };
      alarms.set(key, alarm);
      return {
        setReferenced: (isReferenced) => void (alarm.isReferenced = isReferenced),
        cancel: () => void alarms.delete(key),
      };
    },
  };
  function advance(byMs: number): void {
    const end = now + byMs;
    for (;;) {
      const [next] = [...alarms]
        .filter(([, { at }]) => at <= end)
        .toSorted(([, a], [, b]) => a.at - b.at);
      if (next === undefined) break;
      const [key, { at, callback }] = next;
      now = at;
      alarms.delete(key);
      callback();
    }
    now = end;
  }
  const referenced = (): number =>
    [...alarms.values()].filter(({ isReferenced }) => isReferenced).length;
  return { clock, alarms, advance, referenced };
}

/** Limits something to a delay. */
function limit(deadlines: Deadlines, delayMs: number, onDeadline: () => void): TimeLimit {
  return deadlines.add(delayMs, { onDeadline });
}

test("add() calls back on time, with one timer for all deadlines of the same delay", () => {
  const { clock, alarms, advance } = createClock();
  const deadlines = new Deadlines(clock);
  const called: string[] = [];
  for (const name of ["first", "second", "third"]) {
    limit(deadlines, 1_000, () => called.push(`${name} at ${clock.now()}`));
    advance(100);
  }
  expect(alarms.size).toBe(1);
  limit(deadlines, 50, () => called.push(`short at ${clock.now()}`));
  expect(alarms.size).toBe(2);
  advance(10_000);
  expect(called).toEqual(["short at 350", "first at 1000", "second at 1100", "third at 1200"]);
  expect(alarms.size).toBe(0);
});

test("add() never calls back for a cancelled deadline, whatever its position", () => {
  const { clock, advance } = createClock();
  const deadlines = new Deadlines(clock);
  for (const gone of [[0], [1], [2], [0, 1], [1, 2], [0, 2], [2, 0], [0, 1, 2]]) {
    const called: number[] = [];
    const cancels = [0, 1, 2].map((number) => limit(deadlines, 100, () => called.push(number)));
    for (const number of gone) {
      cancels[number]?.cancel();
      cancels[number]?.cancel();
    }
    advance(200);
    expect(called).toEqual([0, 1, 2].filter((number) => !gone.includes(number)));
    for (const one of cancels) one.cancel();
  }
});

test("add() keeps no program alive once no deadline is left", () => {
  const { clock, alarms, advance, referenced } = createClock();
  const deadlines = new Deadlines(clock);
  const first = limit(deadlines, 1_000, () => {});
  expect(referenced()).toBe(1);
  first.cancel();
  expect(referenced()).toBe(0);
  advance(900);
  const called: number[] = [];
  limit(deadlines, 1_000, () => called.push(clock.now()));
  expect([alarms.size, referenced()]).toEqual([1, 1]);
  advance(2_000);
  expect(called).toEqual([1_900]);
  expect(alarms.size).toBe(0);
});

test("add() supports callbacks that add and cancel deadlines", () => {
  const { clock, advance, alarms } = createClock();
  const deadlines = new Deadlines(clock);
  const called: string[] = [];
  limit(deadlines, 100, () => {
    called.push("first");
    second.cancel();
    limit(deadlines, 100, () => called.push(`added at ${clock.now()}`));
  });
  advance(10);
  const second = limit(deadlines, 100, () => called.push("second"));
  advance(1_000);
  expect(called).toEqual(["first", "added at 200"]);
  expect(alarms.size).toBe(0);
});

test("add() supports a callback that cancels one that is late as well", () => {
  const { clock, advance, alarms } = createClock();
  const deadlines = new Deadlines(clock);
  const called: string[] = [];
  limit(deadlines, 100, () => {
    called.push("first");
    second.cancel();
  });
  const second = limit(deadlines, 100, () => called.push("second"));
  advance(100);
  limit(deadlines, 100, () => called.push("third"));
  advance(100);
  expect(called).toEqual(["first", "third"]);
  expect(alarms.size).toBe(0);
});

test("close() cancels all deadlines", () => {
  const { clock, alarms, advance } = createClock();
  const deadlines = new Deadlines(clock);
  const called: number[] = [];
  const first = limit(deadlines, 100, () => called.push(1));
  limit(deadlines, 200, () => called.push(2));
  deadlines.close();
  first.cancel();
  advance(1_000);
  expect([called, alarms.size]).toEqual([[], 0]);
});
