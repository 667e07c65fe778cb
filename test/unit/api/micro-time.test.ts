/**
 * Times with microseconds.
 *
 * @module
 */

import { expect, test } from "vitest";
import { microTime } from "../../../src/api/micro-time.ts";

test("microTime() writes six digits of a second", () => {
  expect(microTime(new Date("2026-01-02T03:04:05.678Z"))).toBe("2026-01-02T03:04:05.678000Z");
  expect(microTime(new Date("2026-01-02T03:04:05Z"))).toBe("2026-01-02T03:04:05.000000Z");
});

test.each([new Date(Number.NaN), new Date("+012026-01-01T00:00:00Z"), new Date(-1e15)])(
  "microTime() rejects %o, which Kubernetes can't read",
  (date) => {
    expect(() => microTime(date)).toThrow(RangeError);
  },
);

test("microTime() rejects what is not a Date", () => {
  expect(() => microTime("2026-01-02T03:04:05Z" as unknown as Date)).toThrow(
    /^Cannot write a MicroTime: it takes a Date$/,
  );
});
