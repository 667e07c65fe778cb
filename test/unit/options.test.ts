/**
 * Validation of options.
 *
 * @module
 */

import { expect, test } from "vitest";
import { checkDuration, checkKnown, timeLimit } from "../../src/options.ts";

const range = { min: 1, max: 1_000 };

test("checkDuration() returns a value in range, and undefined for an absent one", () => {
  expect(checkDuration("waitMs", undefined, range)).toBeUndefined();
  expect(checkDuration("waitMs", 1, range)).toBe(1);
  expect(checkDuration("waitMs", 1_000, range)).toBe(1_000);
  expect(checkDuration("waitMs", Number.POSITIVE_INFINITY, timeLimit)).toBe(Infinity);
});

test.each([0, -1, 1_001, Number.POSITIVE_INFINITY])(
  "checkDuration() rejects %d, naming it",
  (value) => {
    expect(() => checkDuration("waitMs", value, range)).toThrow(RangeError);
    expect(() => checkDuration("waitMs", value, range)).toThrow(/option waitMs: .* from 1 to 1000/);
  },
);

test("checkDuration() rejects values that overflow a timer", () => {
  expect(checkDuration("waitMs", 2 ** 31 - 1, timeLimit)).toBe(2 ** 31 - 1);
  expect(() => checkDuration("waitMs", 2 ** 31, timeLimit)).toThrow(/2147483647, or Infinity/);
});

test.each<unknown>(["60", null, Number.NaN, 60n, {}])(
  "checkDuration() rejects %o as no number",
  (value) => {
    expect(() => checkDuration("waitMs", value as number, range)).toThrow(TypeError);
  },
);

test("checkKnown() names the unknown option, and all known ones", () => {
  expect(() => checkKnown("connect", { a: 1 }, ["a", "b"])).not.toThrow();
  expect(() => checkKnown("connect", { a: 1, c: undefined }, ["a", "b"])).toThrow(TypeError);
  expect(() => checkKnown("connect", { c: 1 }, ["a", "b"])).toThrow(
    /option c of connect: .* a, b$/,
  );
});
