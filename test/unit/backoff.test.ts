import { expect, test } from "vitest";
import { Backoff } from "../../src/backoff.ts";

/** The delays after this many failures, with this random value. */
function waits(chance: number, count: number): number[] {
  const backoff = new Backoff({ random: () => chance });
  return Array.from({ length: count }, () => backoff.next());
}

test("Backoff waits longer with each failure, up to 30 s", () => {
  expect(waits(1, 9)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

test("Backoff starts again at the shortest wait after a success", () => {
  const backoff = new Backoff({ random: () => 1 });
  backoff.next();
  backoff.next();
  backoff.reset();
  expect(backoff.next()).toBe(250);
});

test("Backoff randomly shortens each delay by up to half, so that not all clients return at once", () => {
  expect(waits(0, 3)).toEqual([125, 250, 500]);
  expect(waits(0.5, 3)).toEqual([188, 375, 750]);
});
