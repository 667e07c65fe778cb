/**
 * The time limit of a request, up to its response's headers.
 *
 * @module
 */

import { expect, test } from "vitest";
import { ClosedError, TimeoutError } from "../../../src/errors.ts";
import { withRetryAfter } from "../../../src/transport/retry-after.ts";
import { WaitingRequests, withTimeout } from "../../../src/transport/timeout.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { untilAborted } from "../support/fake-runtime.ts";
import { answer, outgoing, recordingSend } from "../support/outgoing.ts";
import { settle, watch } from "../support/scripted-source.ts";

test("withTimeout() ends a request that has no headers in time, and says which", async () => {
  const clock = new ManualClock();
  const send = withTimeout(untilAborted, clock);
  const request = watch(send(outgoing("/api?token=sesame", { timeoutMs: 500 })));
  await clock.advance(499);
  expect(request.settled).toBe(false);
  await clock.advance(1);
  expect(request.error).toBeInstanceOf(TimeoutError);
  expect(request.error).toMatchObject({
    message: "Cannot GET https://10.96.0.1/api: no response headers came within 500 ms (timeoutMs)",
  });
  expect(clock.pending).toBe(0);
});

test("withTimeout() covers the waits between attempts too", async () => {
  const clock = new ManualClock();
  const { send, sent } = recordingSend(answer(429, { "retry-after": "20" }));
  const limits = { maxWaitMs: 30_000, maxCount: 10 };
  const limited = withTimeout(withRetryAfter(send, limits, clock, undefined), clock);
  const request = watch(limited(outgoing("/api", { timeoutMs: 5_000 })));
  await clock.advance(5_000);
  expect(request.error).toBeInstanceOf(TimeoutError);
  expect(sent).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

test("withTimeout() is over as soon as the headers are there: a body has no time limit", async () => {
  const clock = new ManualClock();
  const { send, sent } = recordingSend(answer(200));
  await withTimeout(send, clock)(outgoing("/api"));
  expect(clock.pending).toBe(0);
  await clock.advance(3_600_000);
  expect(sent[0]?.request.signal?.aborted).toBe(false);
});

test("withTimeout() leaves no timer when the request fails or is aborted", async () => {
  const clock = new ManualClock();
  const failure = new Error("lost");
  const failing = withTimeout(() => Promise.reject(failure), clock);
  await expect(failing(outgoing("/api"))).rejects.toBe(failure);
  expect(clock.pending).toBe(0);

  const controller = new AbortController();
  const { signal } = controller;
  const request = watch(withTimeout(untilAborted, clock)(outgoing("/api", { signal })));
  await settle(clock);
  controller.abort();
  await settle(clock);
  expect(request.error).toBe(signal.reason);
  expect(clock.pending).toBe(0);
});

test("withTimeout() sets no timer when the limit is Infinity", async () => {
  const clock = new ManualClock();
  const request = outgoing("/api", { timeoutMs: Number.POSITIVE_INFINITY });
  void watch(withTimeout(untilAborted, clock)(request));
  await settle(clock);
  expect(clock.pending).toBe(0);
});

test("withTimeout() ends what waits when its client is closed, and leaves no timer", async () => {
  const clock = new ManualClock();
  const { send } = recordingSend(answer(503, { "retry-after": "20" }));
  const limits = { maxWaitMs: 30_000, maxCount: 10 };
  const waiting = new WaitingRequests();
  const retrying = withRetryAfter(send, limits, clock, undefined);
  const limited = withTimeout(retrying, clock, waiting);
  const timed = watch(limited(outgoing("/api", { timeoutMs: 60_000 })));
  const endless = watch(limited(outgoing("/api", { timeoutMs: Number.POSITIVE_INFINITY })));
  await clock.advance(1_000);
  expect(clock.pending).toBe(3);

  const closed = new ClosedError();
  waiting.close(closed);
  await clock.advance(0);
  expect(timed.error).toBe(closed);
  expect(endless.error).toBe(closed);
  expect(clock.pending).toBe(0);
  await expect(limited(outgoing("/api"))).rejects.toBe(closed);
});
