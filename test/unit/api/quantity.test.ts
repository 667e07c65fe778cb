/**
 * Quantities, compared with Go's `resource.Quantity` (apimachinery 0.37.2). The differences: Go reads `.`,
 * `e3` and `m` as zero, and truncates values over 2^63 - 1.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityToNumber,
} from "../../../src/api/quantity.ts";

const canonical: readonly (readonly [written: string, canonical: string])[] = [
  ["0", "0"],
  ["1", "1"],
  ["-1", "-1"],
  ["+1", "1"],
  ["100m", "100m"],
  ["0.1", "100m"],
  ["0.5", "500m"],
  [".5", "500m"],
  ["5.", "5"],
  ["1.5Gi", "1536Mi"],
  ["1Gi", "1Gi"],
  ["1536Mi", "1536Mi"],
  ["1023", "1023"],
  ["1024Ki", "1Mi"],
  ["1Ki", "1Ki"],
  ["0.1Ki", "102400m"],
  ["1000", "1k"],
  ["1000k", "1M"],
  ["1200000", "1200k"],
  ["1500", "1500"],
  ["1e3", "1e3"],
  ["1E3", "1e3"],
  ["1E", "1E"],
  ["12E", "12E"],
  ["1e-3", "1e-3"],
  ["1e2", "100"],
  ["123456789e-3", "123456789e-3"],
  ["1n", "1n"],
  ["0.0000000001", "1n"],
  ["-0.0000000001", "-1n"],
  ["1u", "1u"],
  ["999u", "999u"],
  ["1000u", "1m"],
  ["1m", "1m"],
  ["1001m", "1001m"],
  ["1M", "1M"],
  ["1G", "1G"],
  ["1T", "1T"],
  ["1P", "1P"],
  ["8E", "8E"],
  ["9E", "9E"],
  ["10E", "10E"],
  ["9223372036854775807", "9223372036854775807"],
  ["9223372036854775808", "9223372036854775808"],
  ["99999999999999999999", "99999999999999999999"],
  ["-9223372036854775808", "-9223372036854775808"],
  ["-99999999999999999999", "-99999999999999999999"],
  ["1Ti", "1Ti"],
  ["1Pi", "1Pi"],
  ["1Ei", "1Ei"],
  ["1024Mi", "1Gi"],
  ["1048576", "1048576"],
  ["0Ki", "0"],
  ["-5Ki", "-5Ki"],
  ["-2048", "-2048"],
  ["-2Ki", "-2Ki"],
  ["0.001Ki", "1024m"],
  ["3.14159265358979", "3141592654n"],
  ["100Gi", "100Gi"],
  ["0.5Gi", "512Mi"],
  ["1.5", "1500m"],
  ["1.25Ki", "1280"],
  ["12345678901234567890m", "12345678901234567890m"],
  ["1e9", "1e9"],
  ["1e18", "1e18"],
  ["1e19", "10e18"],
  ["1e0", "1"],
  ["0e5", "0"],
  ["1.0", "1"],
  ["01", "1"],
  ["001k", "1k"],
  ["-0", "0"],
  ["1000m", "1"],
  ["1048576Ki", "1Gi"],
  ["0.0001k", "100m"],
  ["500", "500"],
  ["2500m", "2500m"],
  ["1e1", "10"],
  ["1e4", "10e3"],
  ["15e3", "15e3"],
  ["1.5e3", "1500"],
  ["123e-9", "123e-9"],
  ["123e-10", "13e-9"],
  ["1.", "1"],
  ["1e+3", "1e3"],
];

const none: readonly unknown[] = [
  "",
  "a",
  " 1",
  "1 ",
  "1KI",
  "1K",
  "1kB",
  "1ki",
  "--1",
  "1e",
  "1e1.5",
  "1.2.3",
  "0x1",
  "1_0",
  "NaN",
  "Inf",
  "1mm",
  "1Mi i",
  ".",
  "e3",
  "m",
  "1e99999",
  "9".repeat(100),
  1,
  null,
];

test.each(canonical)(
  "parseQuantity() and formatQuantity() treat %s as Go does: %s",
  (written, wanted) => {
    expect(formatQuantity(parseQuantity(written))).toBe(wanted);
  },
);

test.each(none)("parseQuantity() throws a TypeError when given %j", (written) => {
  expect(() => parseQuantity(written as string)).toThrow(TypeError);
});

describe.each([
  ["100m", "1", -1, "1100m"],
  ["1Gi", "1Mi", 1, "1025Mi"],
  ["1Gi", "500M", 1, "1573741824"],
  ["0", "1Ki", -1, "1Ki"],
  ["1", "1Ki", -1, "1025"],
  ["1Ki", "-1Ki", 1, "0"],
  ["1.5", "500m", 1, "2"],
  ["1n", "1", -1, "1000000001n"],
  ["1e3", "1k", 0, "2e3"],
  ["1k", "1e3", 0, "2k"],
  ["1Gi", "1n", 1, "1073741824000000001n"],
])("%s and %s", (a, b, order, sum) => {
  test("are compared and added as Go does", () => {
    expect(compareQuantities(a, b)).toBe(order);
    expect(compareQuantities(parseQuantity(b), a) + order).toBe(0);
    expect(formatQuantity(addQuantities(a, parseQuantity(b)))).toBe(sum);
  });
});

test("quantityToNumber() returns units", () => {
  expect(["100m", "1.5Gi", "-2k", "1n"].map(quantityToNumber)).toEqual([
    0.1, 1_610_612_736, -2_000, 1e-9,
  ]);
  expect(formatQuantity(addQuantities())).toBe("0");
});
