/**
 * Waiting when the server asks for it.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ReanchorEvent } from "../../../src/events.ts";
import { parseRetryAfter, withRetryAfter } from "../../../src/transport/retry-after.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { type Answer, answer, outgoing, recordingSend, streamOf } from "../support/outgoing.ts";
import { settle, watch } from "../support/scripted-source.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const limits = { maxWaitMs: 30_000 };

function busy(seconds: number | string, status = 429): Answer {
  return answer(status, { "retry-after": String(seconds) });
}

describe("parseRetryAfter()", () => {
  test.each<[string | null, number | undefined]>([
    [null, undefined],
    ["0", 0],
    ["7", 7_000],
    ["Thu, 01 Jan 2026 00:00:05 GMT", 5_000],
    ["Thursday, 01-Jan-26 00:00:05 GMT", 5_000],
    ["Wed, 31 Dec 2025 23:59:59 GMT", 0],
    ["", undefined],
    ["soon", undefined],
    // Not dates by any standard, although a lenient parser accepts some of them.
    ["-1", undefined],
    ["1.5", undefined],
    ["5, 10", undefined],
    ["5s", undefined],
  ])("reads %j as %s ms", (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});

describe("withRetryAfter()", () => {
  test.each([429, 503])("waits the seconds in a %d response, then sends again", async (status) => {
    const clock = new ManualClock();
    const first = busy(2, status);
    const { send, sent } = recordingSend(first, answer(200));
    const events: ReanchorEvent[] = [];
    const retrying = withRetryAfter(send, {
      ...limits,
      clock,
      onEvent: (event) => events.push(event),
    });
    const response = watch(retrying(outgoing("/api?token=sesame")));
    await clock.advance(1_999);
    expect(sent).toHaveLength(1);
    expect(first.discarded).toBe(true);
    await clock.advance(1);
    expect(sent).toHaveLength(2);
    expect(response.value?.status).toBe(200);
    expect(events).toEqual([
      { type: "retry", reason: "retry-after", method: "GET", path: "/api", delayMs: 2_000 },
    ]);
    expect(clock.pending).toBe(0);
  });

  test("waits until the date in the header", async () => {
    const clock = new ManualClock();
    const { send, sent } = recordingSend(busy("Thu, 01 Jan 2026 00:00:03 GMT"), answer(200));
    void watch(withRetryAfter(send, { ...limits, clock })(outgoing("/api")));
    await clock.advance(2_999);
    expect(sent).toHaveLength(1);
    await clock.advance(1);
    expect(sent).toHaveLength(2);
  });

  test("returns any other status, and a 429 or 503 that asks for no wait", async () => {
    for (const response of [answer(200), answer(429), answer(503), busy(1, 500), busy("soon")]) {
      const { send, sent } = recordingSend(response);
      const retrying = withRetryAfter(send, { ...limits, clock: new ManualClock() });
      expect(await retrying(outgoing("/api"))).toBe(response);
      expect(sent).toHaveLength(1);
      expect(response.discarded).toBe(false);
    }
  });

  test("returns the response, with its body, when all waits together would exceed the time limit", async () => {
    const clock = new ManualClock();
    const last = busy(11);
    const { send, sent } = recordingSend(busy(10), busy(10), last);
    const response = watch(withRetryAfter(send, { ...limits, clock })(outgoing("/api")));
    await clock.advance(20_000);
    expect(response.value).toBe(last);
    expect(last.discarded).toBe(false);
    expect(sent).toHaveLength(3);
    const long = busy(31);
    expect(
      await withRetryAfter(recordingSend(long).send, { ...limits, clock })(outgoing("/")),
    ).toBe(long);
    expect(clock.pending).toBe(0);
  });

  test("returns the response after the maximum number of waits", async () => {
    const clock = new ManualClock();
    const { send, sent } = recordingSend(busy(0));
    const response = watch(withRetryAfter(send, { ...limits, clock })(outgoing("/api")));
    for (let turn = 0; turn < 20; turn++) await clock.advance(1);
    expect(response.value?.status).toBe(429);
    expect(sent).toHaveLength(11);
  });

  test("returns every response when the time limit is 0", async () => {
    const clock = new ManualClock();
    for (const response of [busy(0), busy(1)]) {
      const { send, sent } = recordingSend(response);
      const retrying = withRetryAfter(send, { ...limits, maxWaitMs: 0, clock });
      const seen = watch(retrying(outgoing("/api")));
      await clock.advance(0);
      expect(seen.value).toBe(response);
      expect(sent).toHaveLength(1);
    }
  });

  test("never waits longer than a timer can, which would mean no wait at all", async () => {
    const clock = new ManualClock();
    const response = busy(2 ** 31);
    const { send } = recordingSend(response);
    const unlimited = { ...limits, maxWaitMs: Number.POSITIVE_INFINITY };
    const seen = watch(withRetryAfter(send, { ...unlimited, clock })(outgoing("/api")));
    await settle(clock);
    expect(seen.value).toBe(response);
    expect(clock.pending).toBe(0);
  });

  test("returns the response when the body can't be sent again", async () => {
    const body = streamOf("text");
    await new Response(body).text();
    const response = busy(1);
    const { send } = recordingSend(response);
    const retrying = withRetryAfter(send, { ...limits, clock: new ManualClock() });
    expect(await retrying(outgoing("/api", { method: "POST", body }))).toBe(response);
    expect(response.discarded).toBe(false);
  });

  test("ends the wait at once and leaves no timer when it is aborted", async () => {
    const clock = new ManualClock();
    const { send, sent } = recordingSend(busy(20));
    const controller = new AbortController();
    const { signal } = controller;
    const response = watch(withRetryAfter(send, { ...limits, clock })(outgoing("/", { signal })));
    await settle(clock);
    expect(clock.pending).toBe(1);
    controller.abort();
    await settle(clock);
    expect(response.error).toBe(signal.reason);
    expect(clock.pending).toBe(0);
    expect(sent).toHaveLength(1);
  });
});
