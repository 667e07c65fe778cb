import { describe, expect, test } from "vitest";
import { alternate, median, ratio } from "../../bench/statistics.ts";

describe("median()", () => {
  test.each([
    [[3], 3],
    [[3, 1, 2], 2],
    [[10, 1, 2, 9], 5.5],
  ])("of %j is %d", (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  test("leaves the values in their order", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test("throws when there are no values", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("ratio()", () => {
  test("compares round by round, not median by median", () => {
    // The machine was half as fast in the second round, for both.
    expect(ratio([20, 10, 40], [10, 5, 10])).toEqual({ median: 2, least: 2, most: 4 });
  });

  test("throws when rounds are missing", () => {
    expect(() => ratio([1], [1, 2])).toThrow(RangeError);
  });
});

describe("alternate()", () => {
  test("reverses the order in every second round", async () => {
    const order: string[] = [];
    const values = await alternate(["a", "b"], 3, async (name, round) => {
      order.push(name);
      return `${name}${round}`;
    });
    expect(order.join("")).toBe("abbaab");
    expect(values).toEqual({ a: ["a0", "a1", "a2"], b: ["b0", "b1", "b2"] });
  });
});
