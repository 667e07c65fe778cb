import { expect, test } from "vitest";
import type { Clock } from "../../../src/runtime.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { type RawWatchEvent, SilenceError, readWatch } from "../../../src/watch/watch-stream.ts";
import { rejection } from "../../support/rejection.ts";

interface Reader {
  onEvent?(event: RawWatchEvent): Promise<void> | undefined;
  usedUp?(): Promise<void> | undefined;
}

function open({ onEvent = () => undefined, usedUp = () => undefined }: Reader = {}) {
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
  let wake = (): void => {};
  const ended = readWatch(readable, {
    path: "/pods",
    clock: counting,
    stop,
    ending,
    silenceMs: () => 10_000,
    waited: (ms) => void waited.push(ms),
    onEvent,
    usedUp() {
      wake();
      return usedUp();
    },
  });
  ended.catch(() => {}); // Tests look at it later.
  /** Writes a piece with events of objects, and waits until they have been emitted. */
  async function tell(...names: readonly string[]): Promise<void> {
    const told = new Promise<void>((resolve) => {
      wake = resolve;
    });
    await write(names.map((name) => lineOf(name)).join(""));
    await told;
  }
  async function write(text: string): Promise<void> {
    await writer.write(new TextEncoder().encode(text));
  }
  return {
    clock,
    stop,
    ended,
    tell,
    write,
    waited,
    timers: () => timers,
    listeners: () => listeners,
  };
}

function lineOf(name: string): string {
  return `{"type":"ADDED","object":{"metadata":{"name":"${name}"}}}\n`;
}

const nameOf = ({ object }: RawWatchEvent): string => object.metadata.name;

test("readWatch() sets one timer and one listener for any number of chunks", async () => {
  const { tell, stop, ended, timers, listeners } = open();
  for (let count = 0; count < 100; count++) await tell("a");
  expect([timers(), listeners()]).toEqual([1, 1]);
  stop.abort(new Error("enough"));
  await rejection(ended);
});

test("readWatch() is silent as long as nothing arrives, whenever its timer was set", async () => {
  const busy = Promise.withResolvers<void>();
  const { clock, tell, ended, waited } = open({ usedUp: () => busy.promise });
  await tell("a");
  await clock.advance(6_000); // This is the time of its reader, not of the server.
  busy.resolve();
  await clock.advance(9_000);
  expect(waited).toHaveLength(1);
  await clock.advance(1_000);
  const error = await rejection(ended);
  expect(error).toBeInstanceOf(SilenceError);
  expect(String(error)).toContain("nothing was heard for 10000 ms");
  expect(waited[1]).toBe(10_000);
});

test("readWatch() emits all events of a chunk in one turn", async () => {
  let turn = 0;
  const turns: number[] = [];
  const { tell, stop, ended } = open({
    onEvent() {
      turns.push(turn);
      queueMicrotask(() => void (turn += 1));
      return undefined;
    },
  });
  await tell("a", "b", "c");
  stop.abort(new Error("enough"));
  await rejection(ended);
  expect(turns).toEqual([0, 0, 0]);
});

test("readWatch() waits for what an event returns before the next event of the chunk", async () => {
  const emitted: string[] = [];
  const first = Promise.withResolvers<void>();
  const { write, stop, ended } = open({
    onEvent(event) {
      emitted.push(nameOf(event));
      return emitted.length === 1 ? first.promise : undefined;
    },
  });
  await write(lineOf("a") + lineOf("b"));
  await new Promise((resolve) => setTimeout(resolve));
  expect(emitted).toEqual(["a"]);
  first.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  expect(emitted).toEqual(["a", "b"]);
  stop.abort(new Error("enough"));
  await rejection(ended);
});

test("readWatch() emits the events that come before a line that is none", async () => {
  const emitted: string[] = [];
  const { write, ended } = open({
    onEvent(event) {
      emitted.push(nameOf(event));
      return undefined;
    },
  });
  await write(`${lineOf("a")}${lineOf("b")}nonsense\n${lineOf("c")}`);
  expect(String(await rejection(ended))).toContain("a line is not JSON");
  expect(emitted).toEqual(["a", "b"]);
});
