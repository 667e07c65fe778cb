/**
 * The requests of a client: their time limit up to the response's headers, and their end.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { ClosedError, TimeoutError } from "../../../src/errors.ts";
import { withRetryAfter } from "../../../src/transport/retry-after.ts";
import { InFlight } from "../../../src/transport/in-flight.ts";
import { bodyLimit } from "../../support/body-limit.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { untilAborted } from "../support/fake-runtime.ts";
import { answer, outgoing, recordingSend } from "../support/outgoing.ts";
import { settle, watch } from "../support/scripted-source.ts";

test("a request that has no headers in time ends, and says which", async () => {
  const clock = new ManualClock();
  const inFlight = new InFlight(clock);
  const request = watch(
    inFlight.send(outgoing("/api?token=sesame", { timeoutMs: 500 }), untilAborted),
  );
  await clock.advance(499);
  expect(request.settled).toBe(false);
  await clock.advance(1);
  expect(request.error).toBeInstanceOf(TimeoutError);
  expect(request.error).toMatchObject({
    message: "Cannot GET https://10.96.0.1/api: no response headers came within 500 ms (timeoutMs)",
  });
  expect(clock.pending).toBe(0);
});

test("the time limit covers the waits between attempts too", async () => {
  const clock = new ManualClock();
  const { send, sent } = recordingSend(answer(429, { "retry-after": "20" }));
  const limits = { maxWaitMs: 30_000, maxCount: 10 };
  const retrying = withRetryAfter(send, { ...limits, clock });
  const request = watch(new InFlight(clock).send(outgoing("/api", { timeoutMs: 5_000 }), retrying));
  await clock.advance(5_000);
  expect(request.error).toBeInstanceOf(TimeoutError);
  expect(sent).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

test("the time limit is over as soon as the headers are there: a body has none", async () => {
  const clock = new ManualClock();
  const { send, sent } = recordingSend(answer(200));
  await new InFlight(clock).send(outgoing("/api"), send);
  expect(clock.pending).toBe(0);
  await clock.advance(3_600_000);
  expect(sent[0]?.request.signal?.aborted).toBe(false);
});

test("there is no timer where the limit is Infinity", async () => {
  const clock = new ManualClock();
  const request = outgoing("/api", { timeoutMs: Number.POSITIVE_INFINITY });
  void watch(new InFlight(clock).send(request, untilAborted));
  await settle(clock);
  expect(clock.pending).toBe(0);
});

test("a request that fails leaves no timer", async () => {
  const clock = new ManualClock();
  const failure = new Error("lost");
  const failing = (): Promise<never> => Promise.reject(failure);
  await expect(new InFlight(clock).send(outgoing("/api"), failing)).rejects.toBe(failure);
  expect(clock.pending).toBe(0);
});

describe("a caller's signal", () => {
  test("ends its request at once with its reason, though a runtime overlooks it, and leaves no timer", async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const { signal } = controller;
    const deaf = (): Promise<never> => new Promise(() => {});
    const request = watch(new InFlight(clock).send(outgoing("/api", { signal }), deaf));
    await settle(clock);
    controller.abort();
    await settle(clock);
    expect(request.error).toBe(signal.reason);
    expect(clock.pending).toBe(0);
  });

  test("that was aborted before sends nothing", async () => {
    const { send, sent } = recordingSend(answer(200));
    const request = outgoing("/api", { signal: AbortSignal.abort("before") });
    await expect(new InFlight(new ManualClock()).send(request, send)).rejects.toBe("before");
    expect(sent).toEqual([]);
  });

  test("ends the body too", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const { send, sent } = recordingSend(answer(200));
    await new InFlight(new ManualClock()).send(outgoing("/api", { signal }), send);
    controller.abort("enough");
    expect(sent[0]?.request.signal?.reason).toBe("enough");
  });
});

describe("close()", () => {
  test("ends what waits, leaves no timer, and lets nothing in from then on", async () => {
    const clock = new ManualClock();
    const { send } = recordingSend(answer(503, { "retry-after": "20" }));
    const limits = { maxWaitMs: 30_000, maxCount: 10 };
    const inFlight = new InFlight(clock);
    const retrying = withRetryAfter(send, { ...limits, clock });
    const timed = watch(inFlight.send(outgoing("/api", { timeoutMs: 60_000 }), retrying));
    const endless = watch(
      inFlight.send(outgoing("/api", { timeoutMs: Number.POSITIVE_INFINITY }), retrying),
    );
    await clock.advance(1_000);
    expect(clock.pending).toBe(3);

    const closed = new ClosedError();
    inFlight.close(closed);
    await clock.advance(0);
    expect(timed.error).toBe(closed);
    expect(endless.error).toBe(closed);
    expect(inFlight.closing.reason).toBe(closed);
    expect(clock.pending).toBe(0);
    await expect(inFlight.send(outgoing("/api"), retrying)).rejects.toBe(closed);
  });

  test("ends a body that is still to come, and none that is over", async () => {
    const inFlight = new InFlight(new ManualClock());
    const [over, open] = [answer(200), answer(200)];
    const { send, sent } = recordingSend(over, open);
    await (await inFlight.send(outgoing("/over"), send)).text(bodyLimit());
    await inFlight.send(outgoing("/open"), send);
    const closed = new ClosedError();
    inFlight.close(closed);
    expect(sent.map(({ request }) => request.signal?.reason as unknown)).toEqual([
      undefined,
      closed,
    ]);
  });
});
