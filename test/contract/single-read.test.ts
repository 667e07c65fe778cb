/**
 * Clause h: a source is read once for any number of callers, and once an interval.
 *
 * @module
 */

import { expect, test } from "vitest";
import { bindFunctionCaSource } from "../../src/sources/ca-source.ts";
import { bindFunctionTokenSource } from "../../src/sources/token-source.ts";
import { createCa } from "../support/pki.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { entry } from "./support/entry.ts";
import { connectClient, connectTimed, startCluster, timedRuntime } from "./support/scene.ts";

const INTERVAL_MS = 60_000;

/** A reader that counts its reads, and can be paused. */
class Reader<T> {
  reads = 0;
  #value: T;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => {};

  constructor(value: T) {
    this.#value = value;
  }

  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  release(): void {
    this.#open();
  }

  read = async (): Promise<T> => {
    this.reads += 1;
    await this.#gate;
    return this.#value;
  };
}

test("capabilities.sharedReads says whether callers share a read", () => {
  expect(entry.runtime.capabilities.sharedReads).toBe(true);
});

test("current() reads once when 1,000 callers arrive at expiry", async () => {
  const clock = new ManualClock();
  const ca = await createCa();
  const reader = new Reader(ca.pem);
  const source = bindFunctionCaSource(timedRuntime(clock))(reader.read);
  const first = await source.current();
  await clock.advance(INTERVAL_MS);
  reader.hold();

  const callers = Array.from({ length: 1_000 }, () => source.current());
  await clock.advance(0);
  expect(reader.reads).toBe(2);
  reader.release();

  expect(new Set(await Promise.all(callers))).toEqual(new Set([first]));
  expect(reader.reads).toBe(2);
});

test("current() reads once per period when 100 callers call 100 times each", async () => {
  const clock = new ManualClock();
  const reader = new Reader("sesame");
  const source = bindFunctionTokenSource(timedRuntime(clock))(reader.read);

  async function callOften(): Promise<void> {
    for (let call = 0; call < 100; call += 1) await source.current();
  }
  for (let period = 1; period <= 3; period += 1) {
    await Promise.all(Array.from({ length: 100 }, callOften));
    expect(reader.reads).toBe(period);
    await clock.advance(INTERVAL_MS - 1);
    await source.current();
    expect(reader.reads).toBe(period);
    await clock.advance(1);
  }
});

test("fetch() reads each source once when 1,000 requests arrive at expiry", async () => {
  const { ca, server } = await startCluster({ token: "sesame" });
  const bundle = new Reader(ca.pem);
  const token = new Reader("sesame");
  const { kube, clock } = await connectTimed((runtime) => ({
    config: {
      server: server.origin,
      ca: bindFunctionCaSource(runtime)(bundle.read),
      token: bindFunctionTokenSource(runtime)(token.read),
    },
  }));
  expect([bundle.reads, token.reads]).toEqual([1, 1]);
  await clock.advance(INTERVAL_MS);
  bundle.hold();
  token.hold();

  const requests = Array.from({ length: 1_000 }, () => kube.get("/version"));
  await clock.advance(0);
  token.release();
  await clock.advance(0);
  bundle.release();

  await Promise.all(requests);
  expect([bundle.reads, token.reads]).toEqual([2, 2]);
  expect((await server.stats()).requests).toBe(1_000);
});

test("fetch() reads each source once when 10,000 requests arrive within an interval", async () => {
  const { ca, server } = await startCluster({ token: "sesame" });
  const bundle = new Reader(ca.pem);
  const token = new Reader("sesame");
  const { kube } = await connectClient({
    config: {
      server: server.origin,
      ca: entry.functionCaSource(bundle.read),
      token: entry.functionTokenSource(token.read),
    },
  });

  let left = 10_000;
  async function loop(): Promise<void> {
    while (left-- > 0) await kube.get("/version");
  }
  await Promise.all(Array.from({ length: 32 }, loop));

  expect([bundle.reads, token.reads]).toEqual([1, 1]);
  expect((await server.stats()).requests).toBe(10_000);
});
