import { describe, expect, test } from "vitest";
import { type EventSink, pulledEvents } from "../../../src/watch/pulled-events.ts";
import { rejection } from "../../support/rejection.ts";

/** Pulls from what a test emits by hand. */
function open() {
  const stop = new AbortController();
  const { signal } = stop;
  const ended = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
  let sink: EventSink<string> | undefined;
  let hasLeft = false;
  let fail = (_error: Error): void => {};
  const events = pulledEvents<string>(
    async (given) => {
      sink = given;
      const failed = new Promise<never>((_resolve, reject) => {
        fail = reject;
      });
      return await Promise.race([failed, ended]);
    },
    signal,
    () => {
      hasLeft = true;
      stop.abort(new Error("left"));
    },
  );
  ended.catch(() => {});
  return {
    stop,
    events,
    hasBegun: () => sink !== undefined,
    hasLeft: () => hasLeft,
    fail: (error: Error) => fail(error),
    /** Emits a piece; resolves when it has been read. */
    async emit(...piece: readonly string[]): Promise<void> {
      for (const event of piece) sink?.emit(event);
      await sink?.usedUp();
    },
  };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}

describe("pulledEvents()", () => {
  test("begins with the first read", async () => {
    const { events, hasBegun, stop } = open();
    await turn();
    expect(hasBegun()).toBe(false);
    const first = events.next();
    expect(hasBegun()).toBe(true);
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await rejection(first)).toBe(reason);
  });

  test("emits the events in order, and lets more come when all of them have been read", async () => {
    const { events, emit } = open();
    const first = events.next();
    let isUsedUp = false;
    const piece = emit("a", "b").then(() => (isUsedUp = true));
    expect((await first).value).toBe("a");
    expect((await events.next()).value).toBe("b");
    await turn();
    expect(isUsedUp).toBe(false);
    const third = events.next();
    await piece;
    void emit("c");
    expect((await third).value).toBe("c");
    await events.return(undefined as never);
  });

  test("holds nothing up if there are no events", async () => {
    const { events, emit } = open();
    const first = events.next();
    await emit();
    void emit("a");
    expect((await first).value).toBe("a");
    await events.return(undefined as never);
  });

  test("throws what ended the run", async () => {
    const { events, emit, fail } = open();
    const first = events.next();
    const used = emit("a");
    await first;
    const second = events.next();
    await used;
    const failure = new Error("lost");
    fail(failure);
    expect(await rejection(second)).toBe(failure);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  test("emits nothing after the abort, though it has been received", async () => {
    const { events, emit, stop } = open();
    const first = events.next();
    void emit("a", "b");
    await first;
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await rejection(events.next())).toBe(reason);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  test("ends the run when its reader leaves, whatever has been received", async () => {
    const { events, emit, hasLeft } = open();
    const first = events.next();
    const used = emit("a", "b");
    await first;
    await events.return(undefined as never);
    await used;
    expect(hasLeft()).toBe(true);
  });
});
