/**
 * Limits of responses that are read in full: how long they may stall, and how large they may be.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { ApiError } from "../../../src/api/api-error.ts";
import type { KubeClient } from "../../../src/client/client.ts";
import { type ConnectOptions, bindConnect } from "../../../src/client/connect.ts";
import { ConnectionError, TimeoutError } from "../../../src/errors.ts";
import { Pod } from "../../../src/resources/index.ts";
import { staticCaSource } from "../../../src/sources/ca-source.ts";
import { InFlight } from "../../../src/transport/in-flight.ts";
import { readText } from "../../../src/transport/read-text.ts";
import { fromResponse } from "../../../src/transport/response.ts";
import { bodyLimit } from "../../support/body-limit.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { anchorPem } from "../support/certificates.ts";
import { type FakeRuntime, createFakeRuntime } from "../support/fake-runtime.ts";
import { outgoing } from "../support/outgoing.ts";
import { settle, watch } from "../support/scripted-source.ts";

/** A body that the test writes. */
function writable() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: () => void (cancelled = true),
  });
  return {
    body,
    write: (bytes: number) => controller?.enqueue(new Uint8Array(bytes).fill(0x20)),
    close: () => controller?.close(),
    isCancelled: () => cancelled,
  };
}

/** A clock that counts how often a timer was set. */
class CountingClock extends ManualClock {
  timers = 0;

  override setTimeout(callback: () => void, delayMs: number): () => void {
    this.timers += 1;
    return super.setTimeout(callback, delayMs);
  }
}

function read(body: BodyInit | null, { status = 200, maxBytes = 1e6, timeoutMs = 1_000 } = {}) {
  const clock = new CountingClock();
  const response = fromResponse(new Response(body, { status }), "");
  const request = outgoing("/api", { timeoutMs });
  const reading = watch(new InFlight(clock).read(request, async () => response, maxBytes));
  return { clock, reading };
}

describe("InFlight.read()", () => {
  test("sets one timer for the headers and the body", async () => {
    const { clock, reading } = read("{}");
    await settle(clock);
    expect(reading.value).toMatchObject({ text: "{}" });
    expect(clock.timers).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test("rejects a body that stalls for the whole limit, and cancels it", async () => {
    const { body, write, isCancelled } = writable();
    const { clock, reading } = read(body);
    await clock.advance(600);
    write(100_000);
    await clock.advance(999);
    expect(reading.settled).toBe(false);
    await clock.advance(1);
    expect(reading.error).toBeInstanceOf(TimeoutError);
    expect(reading.error).toMatchObject({
      message:
        "Cannot GET https://10.96.0.1/api: its answer (status 200) stalled: nothing came for 1000 ms (timeoutMs)",
    });
    expect(clock.pending).toBe(0);
    expect(isCancelled()).toBe(true);
  });

  test("rejects a body that drips, one byte per tenth of the limit", async () => {
    const { body, write } = writable();
    const { clock, reading } = read(body);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      expect(reading.settled).toBe(false);
      write(1);
      await clock.advance(100);
    }
    expect(reading.error).toBeInstanceOf(TimeoutError);
    expect(String(reading.error)).toContain("less than 16 KiB came within 1000 ms (timeoutMs)");
  });

  test("rejects a body that drips after a fast start", async () => {
    const { body, write } = writable();
    const { clock, reading } = read(body);
    write(500_000);
    await clock.advance(900);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      write(1);
      await clock.advance(100);
    }
    expect(reading.settled).toBe(false);
    write(1);
    await clock.advance(100);
    expect(reading.error).toBeInstanceOf(TimeoutError);
  });

  test("waits as long as needed for a body that brings 16 KiB within each limit", async () => {
    const { body, write, close } = writable();
    const { clock, reading } = read(body);
    for (let piece = 0; piece < 40; piece += 1) {
      write(8 * 1024);
      await clock.advance(500);
    }
    close();
    await settle(clock);
    expect(reading.value?.text).toHaveLength(40 * 8 * 1024);
    expect(clock.pending).toBe(0);
  });

  test("sets no timer if the limit is Infinity", async () => {
    const { body, write, close } = writable();
    const { clock, reading } = read(body, { timeoutMs: Number.POSITIVE_INFINITY });
    await clock.advance(3_600_000);
    write(2);
    close();
    await settle(clock);
    expect(reading.value?.text).toBe("  ");
    expect(clock.timers).toBe(0);
  });

  test("rejects a body with one byte too many, and cancels it", async () => {
    const { body, write, isCancelled } = writable();
    const { clock, reading } = read(body, { maxBytes: 10 });
    write(10);
    await settle(clock);
    expect(reading.settled).toBe(false);
    write(1);
    await settle(clock);
    expect(reading.error).toBeInstanceOf(ConnectionError);
    expect(String(reading.error)).toMatch(/more than 10 bytes \(maxResponseBytes\).*listAll\(\)/);
    expect(isCancelled()).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test("reads the first 1 MiB of an error response, whatever the limit", async () => {
    const { body, write, isCancelled } = writable();
    const { clock, reading } = read(body, { status: 500, maxBytes: 10 });
    write(3 * 1024 * 1024);
    await settle(clock);
    expect(reading.value?.text).toHaveLength(1024 * 1024);
    expect(isCancelled()).toBe(true);
  });
});

test("readText() decodes pieces that are split inside characters", async () => {
  const text = "aÄ漢😀".repeat(10_000);
  const bytes = new TextEncoder().encode(`\ufeff${text}`);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 7) controller.enqueue(bytes.slice(at, at + 7));
      controller.close();
    },
  });
  expect((await readText(body, bodyLimit())) === text).toBe(true);
  expect(await readText(null, bodyLimit())).toBe("");
});

describe("a client", () => {
  async function connected(
    options: ConnectOptions = {},
  ): Promise<{ runtime: FakeRuntime; kube: KubeClient }> {
    const runtime = createFakeRuntime();
    const config = { server: "https://10.96.0.1", ca: staticCaSource(anchorPem()) };
    return { runtime, kube: await bindConnect(runtime)({ config, ...options }) };
  }

  test("has maxResponseBytes, which each call can override", async () => {
    const { runtime, kube } = await connected({ maxResponseBytes: 3 });
    runtime.answer = () => new Response('"ab"');
    await expect(kube.get("/a")).rejects.toThrow(/more than 3 bytes \(maxResponseBytes\)/);
    expect(await kube.get("/a", { maxResponseBytes: 4 })).toBe("ab");
    await expect(kube.resource(Pod).get("a", { maxResponseBytes: 2 })).rejects.toThrow(/than 2 by/);
  });

  test.each([0, -1, 1.5, Number.NaN, "1"])("rejects a maxResponseBytes of %j", async (value) => {
    const maxResponseBytes = value as number;
    const message = /Cannot use option maxResponseBytes/;
    await expect(connected({ maxResponseBytes })).rejects.toThrow(message);
    const { kube } = await connected();
    await expect(kube.get("/a", { maxResponseBytes })).rejects.toThrow(message);
    await expect(kube.resource(Pod).list({ maxResponseBytes })).rejects.toThrow(message);
  });

  test.each<[what: string, call: (kube: KubeClient) => Promise<unknown>]>([
    ["watch()", (kube) => kube.resource(Pod).watch().next()],
    ["logs()", (kube) => kube.resource(Pod).logs("web").next()],
  ])("throws the error for a %s response even if its body stalls", async (_, call) => {
    const { runtime, kube } = await connected({ timeoutMs: 1_000 });
    const { body, write, isCancelled } = writable();
    runtime.answer = () => new Response(body, { status: 403 });
    const calling = watch(call(kube));
    await settle(runtime.clock);
    write(10);
    await runtime.clock.advance(999);
    expect(calling.settled).toBe(false);
    await runtime.clock.advance(1_000);
    expect(calling.error).toBeInstanceOf(ApiError);
    expect(calling.error).toMatchObject({ status: 403, reason: "Forbidden" });
    expect(isCancelled()).toBe(true);
    expect(runtime.clock.pending).toBe(0);
  });

  test("lists again even if a watch's 410 response stalls", async () => {
    const { runtime, kube } = await connected({ timeoutMs: 1_000 });
    const metadata = { resourceVersion: "7" };
    let lists = 0;
    let watches = 0;
    runtime.answer = ({ url, signal }) => {
      const query = new URL(url).searchParams;
      if (!query.has("watch")) {
        lists += 1;
        return Response.json({ kind: "PodList", apiVersion: "v1", metadata, items: [] });
      }
      if (query.has("sendInitialEvents")) return new Response("{}", { status: 400 });
      watches += 1;
      const { body } = writable();
      if (watches === 1) return new Response(body, { status: 410 });
      signal?.addEventListener("abort", () => void body.cancel().catch(() => {}));
      return new Response(body);
    };
    const following = kube.resource(Pod).watch();
    expect((await following.next()).value).toMatchObject({ type: "synced" });
    const next = watch(following.next());
    await runtime.clock.advance(1_000);
    await settle(runtime.clock);
    expect(lists).toBe(2);
    await following.return();
    await settle(runtime.clock);
    expect(next.settled).toBe(true);
  });
});
