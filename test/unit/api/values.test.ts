/**
 * Durations, percentages and Secrets. Durations follow Go's `time`.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { formatDuration, parseDuration } from "../../../src/api/duration.ts";
import { resolveIntOrPercent } from "../../../src/api/int-or-string.ts";
import { decodeBase64, encodeBase64, readSecret } from "../../../src/api/secret.ts";

test.each([
  ["0", 0, "0s"],
  ["1h30m", 5_400_000, "1h30m0s"],
  ["1.5s", 1_500, "1.5s"],
  ["90s", 90_000, "1m30s"],
  ["-1m", -60_000, "-1m0s"],
  ["+5s", 5_000, "5s"],
  ["100ms", 100, "100ms"],
  ["1.5ms", 1.5, "1.5ms"],
  ["10us", 0.01, "10µs"],
  ["10µs", 0.01, "10µs"],
  ["7ns", 0.000007, "7ns"],
  ["1h1ms", 3_600_001, "1h0m0.001s"],
  ["+0", 0, "0s"],
  ["-0", 0, "0s"],
  [".5h", 1_800_000, "30m0s"],
  ["1.h", 3_600_000, "1h0m0s"],
])("parseDuration() reads %s, and formatDuration() writes it as Go does", (text, ms, written) => {
  expect(parseDuration(text)).toBeCloseTo(ms, 9);
  expect(formatDuration(ms)).toBe(written);
});

test.each([
  "",
  "1",
  "1d",
  "h",
  "1 h",
  "1h ",
  "--1s",
  "1..5s",
  "1e3s",
  ".s",
  "1h".repeat(40),
  5,
  null,
])("parseDuration() throws a TypeError when given %j", (text) => {
  expect(() => parseDuration(text as string)).toThrow(TypeError);
});

test("formatDuration() throws a TypeError when given Infinity", () => {
  expect(() => formatDuration(Infinity)).toThrow(TypeError);
});

test("resolveIntOrPercent() resolves numbers and percentages", () => {
  expect(resolveIntOrPercent(3, 10)).toBe(3);
  expect(resolveIntOrPercent("25%", 10)).toBe(2);
  expect(resolveIntOrPercent("25%", 10, { round: "up" })).toBe(3);
  expect(resolveIntOrPercent("100%", 7)).toBe(7);
  for (const bad of ["25", "%", "2.5%", 1.5, NaN, "25 %"]) {
    expect(() => resolveIntOrPercent(bad, 10)).toThrow(TypeError);
  }
});

describe("Secrets", () => {
  test("readSecret() decodes UTF-8 text", () => {
    expect(readSecret({ data: { a: encodeBase64("grün"), b: "" } })).toEqual({ a: "grün", b: "" });
    expect(readSecret({})).toEqual({});
  });

  test("readSecret() names a key that is not text, and quotes nothing of it", () => {
    const secret = { data: { key: encodeBase64(Uint8Array.of(0xff, 0xfe)) } };
    expect(() => readSecret(secret)).toThrow(
      'Cannot read key "key" of the Secret: it is no UTF-8 text',
    );
    expect(() => readSecret({ data: { key: "sesame!" } })).not.toThrow("sesame");
  });

  test("encodeBase64() and decodeBase64() work with bytes", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
    expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
    expect(() => decodeBase64("sesame!")).toThrow("it is not base64");
  });
});
