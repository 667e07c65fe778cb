import { expect, test } from "vitest";
import { Backoff } from "../../src/backoff.ts";

test("Backoff waits longer with each failure, up to 30 s, and begins anew after a success", () => {
  const backoff = new Backoff();
  for (const longest of [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    const delayMs = backoff.next();
    expect(delayMs).toBeGreaterThanOrEqual(longest / 2);
    expect(delayMs).toBeLessThanOrEqual(longest);
  }
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(250);
});

test("Backoff does not let all clients come back at once", () => {
  const delays = new Set(Array.from({ length: 50 }, () => new Backoff().next()));
  expect(delays.size).toBeGreaterThan(10);
});
