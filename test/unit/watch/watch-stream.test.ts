import { expect, test } from "vitest";
import type { Clock } from "../../../src/runtime.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { SilenceError, readWatch } from "../../../src/watch/watch-stream.ts";
import { rejection } from "../../support/rejection.ts";

function open() {
  const clock = new ManualClock();
  let timers = 0;
  const counting: Clock = {
    now: () => clock.now(),
    wallNow: () => clock.wallNow(),
    random: () => clock.random(),
    setTimeout(callback, delayMs) {
      timers += 1;
      return clock.setTimeout(callback, delayMs);
    },
  };
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const stop = new AbortController();
  let listeners = 0;
  const { signal: ending } = stop;
  const add = ending.addEventListener.bind(ending);
  ending.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  const waited: number[] = [];
  const events = readWatch(readable, {
    path: "/pods",
    clock: counting,
    stop,
    ending,
    silenceMs: () => 10_000,
    waited: (ms) => void waited.push(ms),
  });
  const line = `{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n`;
  const tell = (): void => void writer.write(new TextEncoder().encode(line)).catch(() => {});
  return { clock, events, tell, waited, timers: () => timers, listeners: () => listeners };
}

test("readWatch() sets one timer and one listener for any number of chunks", async () => {
  const { events, tell, timers, listeners } = open();
  for (let count = 0; count < 100; count++) {
    tell();
    expect((await events.next()).value).toMatchObject({ type: "ADDED" });
  }
  expect([timers(), listeners()]).toEqual([1, 1]);
  await events.return();
});

test("readWatch() is silent as long as nothing arrives, whenever its timer was set", async () => {
  const { clock, events, tell, waited } = open();
  tell();
  await events.next();
  await clock.advance(6_000); // This is the time of its reader, not of the server.
  const next = rejection(events.next());
  await clock.advance(9_000);
  expect(waited).toHaveLength(1);
  await clock.advance(1_000);
  const error = await next;
  expect(error).toBeInstanceOf(SilenceError);
  expect(String(error)).toContain("nothing was heard for 10000 ms");
  expect(waited[1]).toBe(10_000);
});
