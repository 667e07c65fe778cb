import { describe, expect, test } from "vitest";
import type { Connection } from "../../../src/http1/connection.ts";
import { type Job, Pool } from "../../../src/http1/pool.ts";
import type { WireListener } from "../../../src/http1/wire.ts";
import { MemoryWire, Outcome } from "../support/memory-wire.ts";

const tooLate = new Error("late");
const ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/** A request that is sent as soon as there is a connection. */
class Request extends Outcome implements Job {
  readonly isFresh: boolean;
  readonly isRepeatable: boolean;
  readonly #started: Request[];
  connection: Connection | undefined;

  constructor(started: Request[], isFresh: boolean, isRepeatable: boolean) {
    super();
    this.isRepeatable = isRepeatable;
    this.#started = started;
    this.isFresh = isFresh;
  }

  start(connection: Connection): void {
    this.connection = connection;
    this.#started.push(this);
    const message = { method: "GET", target: "/", fields: [], moreFields: [], body: null };
    connection.exchange(message, this);
  }

  fail(error: unknown): void {
    this.onFailure(error);
  }
}

interface Attempt {
  readonly signal: AbortSignal;
  readonly resolve: (wire: MemoryWire) => void;
  readonly reject: (error: unknown) => void;
}

function setScene(maxConnections = Infinity) {
  const attempts: Attempt[] = [];
  const timers: { readonly callback: () => void; readonly delayMs: number }[] = [];
  const started: Request[] = [];
  const settling: (() => void)[] = [];
  let now = 0;
  let emptied = 0;
  const pool = new Pool({
    host: "server.test",
    maxConnections,
    idleLimitMs: 90_000,
    connect: (signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        attempts.push({ signal, resolve, reject });
      }),
    now: () => now,
    settle: () => new Promise((resolve) => void settling.push(resolve)),
    later(callback, delayMs) {
      const timer = { callback, delayMs };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
    onEmpty: () => void (emptied += 1),
    late: () => tooLate,
  });

  function ask(isFresh = false, isRepeatable = true): Request {
    const request = new Request(started, isFresh, isRepeatable);
    pool.add(request);
    return request;
  }

  /** Lets an attempt succeed. */
  async function connect(index = 0, wire = new MemoryWire()): Promise<MemoryWire> {
    attempts.splice(index, 1)[0]?.resolve(wire);
    await turns();
    return wire;
  }

  async function fail(index: number, error: unknown): Promise<void> {
    attempts.splice(index, 1)[0]?.reject(error);
    await turns();
  }

  /** Advances the time, and fires the timer that is due. */
  function advance(ms: number): void {
    now += ms;
    for (const timer of timers.splice(0)) timer.callback();
  }
  return {
    pool,
    attempts,
    timers,
    started,
    settling,
    ask,
    connect,
    fail,
    advance,
    emptied: () => emptied,
  };
}

/** A wire on which something happens before anyone listens. */
class SpokenWire extends MemoryWire {
  early: string | undefined;

  override listen(listener: WireListener): void {
    super.listen(listener);
    if (this.isClosed) listener.onClosed("lost");
    if (this.early !== undefined) this.arrive(this.early);
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

describe("add()", () => {
  test("uses the connection that became free last", async () => {
    const { ask, attempts, connect } = setScene();
    const [first, second] = [ask(), ask()];
    const [one, two] = [await connect(), await connect()];
    two.arrive(ok);
    one.arrive(ok);
    const next = ask();
    expect(attempts).toHaveLength(0);
    expect(next.connection).toBe(first.connection);
    expect(ask().connection).toBe(second.connection);
  });

  test("gives the first available connection to the request that has waited longest", async () => {
    const { ask, attempts, connect, started } = setScene();
    const busy = ask();
    const wire = await connect();
    const [first, second, third] = [ask(), ask(), ask()];
    expect(attempts).toHaveLength(3);
    await connect(2);
    wire.arrive(ok);
    expect(started).toEqual([busy, first, second]);
    // A later request does not overtake it, even when a connection becomes free now.
    const late = ask();
    wire.arrive(ok);
    expect(started.at(-1)).toBe(third);
    wire.arrive(ok);
    expect(started.at(-1)).toBe(late);
  });

  test("keeps to its limit, and opens another connection once it can", async () => {
    const { ask, attempts, connect } = setScene(2);
    const requests = Array.from({ length: 5 }, () => ask());
    expect(attempts).toHaveLength(2);
    const [one, two] = [await connect(), await connect()];
    expect(attempts).toHaveLength(0);
    one.arrive(ok);
    one.close();
    expect(attempts).toHaveLength(1);
    two.arrive(ok);
    expect(requests.filter(({ connection }) => connection !== undefined)).toHaveLength(4);
    await connect();
    expect(requests.every(({ connection }) => connection !== undefined)).toBe(true);
  });

  test("makes at most 128 attempts at once, and serves a burst with the first connections", async () => {
    const { ask, attempts, connect } = setScene();
    const requests = Array.from({ length: 1_000 }, () => ask());
    expect(attempts).toHaveLength(128);
    const wire = await connect();
    for (let answered = 1; answered < 1_000; answered++) wire.arrive(ok);
    expect(requests.filter(({ isComplete }) => isComplete)).toHaveLength(999);
    expect(attempts).toHaveLength(127);
  });

  test("opens a new connection for a request that needs a fresh one, even at the limit", async () => {
    const { ask, attempts, connect } = setScene(1);
    const first = ask();
    const one = await connect();
    one.arrive(ok);
    const fresh = ask(true);
    expect(one.isClosed).toBe(true);
    expect(attempts).toHaveLength(1);
    const two = await connect();
    expect(fresh.connection).not.toBe(first.connection);
    // While it is being opened, another request waits.
    const other = ask(true);
    expect(attempts).toHaveLength(0);
    two.arrive(ok);
    expect(two.isClosed).toBe(true);
    await connect();
    expect(other.connection).toBeDefined();
  });
});

describe("a request that may be sent only once", () => {
  test("uses a connection at once if it has just become free", async () => {
    const { ask, connect } = setScene();
    const first = ask();
    const wire = await connect();
    wire.arrive(ok);
    expect(ask(false, false).connection).toBe(first.connection);
  });

  test.each([true, false])(
    "waits until an idle connection shows whether it is closed (%s)",
    async (isClosed) => {
      const { ask, attempts, connect, advance, settling } = setScene();
      const first = ask();
      const wire = await connect();
      wire.arrive(ok);
      advance(50);
      const second = ask(false, false);
      expect(second.connection).toBeUndefined();
      if (isClosed) wire.end();
      for (const resume of settling.splice(0)) resume();
      await turns();
      if (isClosed) {
        expect(attempts).toHaveLength(1);
        await connect();
        expect(second.connection).not.toBe(first.connection);
      } else expect(second.connection).toBe(first.connection);
      expect(second.failure).toBeUndefined();
    },
  );

  test("leaves its connection to others when it is cancelled before", async () => {
    const { pool, ask, attempts, connect, advance, settling } = setScene();
    const first = ask();
    const wire = await connect();
    wire.arrive(ok);
    advance(50);
    const second = ask(false, false);
    pool.remove(second);
    for (const resume of settling.splice(0)) resume();
    await turns();
    expect(second.connection).toBeUndefined();
    expect(ask().connection).toBe(first.connection);
    expect(attempts).toHaveLength(0);
  });
});

describe("a failed attempt", () => {
  test("fails the request for which it was started", async () => {
    const { ask, connect, fail } = setScene();
    const requests = [ask(), ask(), ask()];
    await fail(1, "refused");
    expect(requests.map(({ failure }) => failure)).toEqual([undefined, "refused", undefined]);
    await connect();
    await connect();
    expect(requests.map(({ connection }) => connection !== undefined)).toEqual([true, false, true]);
  });

  test("fails no request that another attempt can still serve, and otherwise the oldest", async () => {
    const { ask, attempts, connect, fail } = setScene();
    const [first, second] = [ask(), ask()];
    await connect(1);
    expect(first.connection).toBeDefined();
    await fail(0, "refused");
    expect(second.failure).toBe("refused");
    expect(attempts).toHaveLength(0);
  });

  test("lets a request connect that had no room before", async () => {
    const { ask, attempts, fail } = setScene(1);
    const [first, second] = [ask(), ask()];
    await fail(0, "refused");
    expect([first.failure, second.failure]).toEqual(["refused", undefined]);
    expect(attempts).toHaveLength(1);
    await fail(0, "again");
    expect(second.failure).toBe("again");
    expect(attempts).toHaveLength(0);
  });
});

describe("a connection that is lost as soon as it is open", () => {
  test.each([
    ["the server speaks first", (wire: SpokenWire) => void (wire.early = ok)],
    ["it was lost meanwhile", (wire: SpokenWire) => wire.close("lost")],
  ])("leaves no request waiting, and occupies no place in the pool, if %s", async (_, spoil) => {
    const { pool, ask, attempts, connect } = setScene(1);
    const [first, second] = [ask(), ask()];
    const wire = new SpokenWire();
    spoil(wire);
    await connect(0, wire);
    expect(first.failure).toBeDefined();
    expect(wire.sent).toBe("");
    expect(attempts).toHaveLength(1);
    const next = await connect();
    next.arrive(ok);
    expect(second.isComplete).toBe(true);
    pool.retire();
    expect(pool.isEmpty).toBe(true);
  });
});

describe("remove()", () => {
  test("ends the attempts when no request waits any more", async () => {
    const { pool, ask, attempts, emptied } = setScene();
    const [first, second] = [ask(), ask()];
    pool.remove(first);
    expect(attempts.map(({ signal }) => signal.aborted)).toEqual([false, false]);
    pool.remove(second);
    expect(attempts.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    await turns();
    expect(first.failure).toBeUndefined();
    expect(pool.isEmpty).toBe(true);
    expect(emptied()).toBeGreaterThan(0);
  });
});

describe("idle connections", () => {
  test("keep no process alive, and are closed once they are too old", async () => {
    const { ask, connect, advance, timers, pool } = setScene();
    ask();
    const wire = await connect();
    expect(wire.isReferenced).toBe(true);
    wire.arrive(ok);
    expect(wire.isReferenced).toBe(false);
    expect(timers).toHaveLength(1);
    advance(60_000);
    expect(wire.isClosed).toBe(false);
    ask();
    expect(wire.isReferenced).toBe(true);
    wire.arrive(ok);
    advance(89_000);
    expect(wire.isClosed).toBe(false);
    advance(2_000);
    expect(wire.isClosed).toBe(true);
    expect(pool.isEmpty).toBe(true);
    expect(timers).toHaveLength(0);
  });

  test("are closed earlier if the server says so, and never used after that", async () => {
    const { ask, attempts, connect, timers, advance } = setScene();
    const [, second] = [ask(), ask()];
    const [one, two] = [await connect(), await connect()];
    one.arrive(ok);
    two.arrive(ok.replace("\r\n", "\r\nkeep-alive: timeout=5\r\n"));
    expect(second.isComplete).toBe(true);
    expect(timers.map(({ delayMs }) => delayMs < 5_000)).toEqual([true]);
    advance(4_500);
    expect([one.isClosed, two.isClosed]).toEqual([false, true]);
    ask();
    expect(attempts).toHaveLength(0);
    expect(one.sent.match(/GET/g)).toHaveLength(2);
  });

  test("are closed at once by retire(), and those in use when they become free", async () => {
    const { pool, ask, connect, attempts, emptied } = setScene();
    const [, busy] = [ask(), ask()];
    const [one, two] = [await connect(), await connect()];
    one.arrive(ok);
    pool.retire();
    expect([one.isClosed, two.isClosed]).toEqual([true, false]);
    two.arrive(ok);
    expect(busy.isComplete).toBe(true);
    expect(two.isClosed).toBe(true);
    expect(emptied()).toBe(1);
    // A request that chose this pool before may still connect. The current trust decides on it.
    const late = ask();
    expect(attempts).toHaveLength(1);
    const three = await connect();
    three.arrive(ok);
    expect(late.isComplete).toBe(true);
    expect(three.isClosed).toBe(true);
  });

  test("send nothing after retire(): a request that waited for one fails as too late", async () => {
    const { pool, ask, connect, attempts, advance, settling } = setScene(2);
    const [, busy] = [ask(), ask()];
    const [one, two] = [await connect(), await connect()];
    one.arrive(ok);
    advance(50);
    const settled = ask(false, false);
    const waiting = [ask(), ask()];
    expect(attempts).toHaveLength(0);
    pool.retire();
    expect(waiting.map(({ failure }) => failure)).toEqual([tooLate, tooLate]);
    expect(settled.failure).toBe(tooLate);
    for (const resume of settling.splice(0)) resume();
    await turns();
    expect(one.isClosed).toBe(true);
    two.arrive(ok);
    expect(busy.isComplete).toBe(true);
    expect([one, two].map(({ sent }) => sent.match(/GET/g)?.length)).toEqual([1, 1]);
    expect(attempts).toHaveLength(0);
    expect(pool.isEmpty).toBe(true);
  });
});
