import { describe, expect, test } from "vitest";
import { expectedName, readServerName, sniOf } from "../../../src/certificates/server-name.ts";

const names = [
  ["kubernetes", "kubernetes"],
  ["API.Internal", "api.internal"],
  ["a.example.", "a.example"],
  ["_a.example", "_a.example"],
  ["a_b.example", "a_b.example"],
  ["x-1.example", "x-1.example"],
  ["1password.example", "1password.example"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  ["10.96.0.1", "10.96.0.1"],
  ["::1", "::1"],
  ["[::1]", "::1"],
  ["fd00::", "fd00::"],
  ["FD00:0:0:0:0:0:0:A", "fd00::a"],
] as const;

const others = [
  "",
  ".",
  "a..b",
  ".a",
  "-a",
  "a.-b",
  "*.example",
  "a b",
  "a/b",
  "a\nb",
  "a:443",
  "a@b",
  "bücher.example",
  "https://a",
  "10.96.0",
  "10.96.0.256",
  "10.96.0.1.",
  "0x7f.1",
  "1",
  "::1::",
  "[::1",
  "fe80::1%eth0",
  `${"a".repeat(64)}.example.`.repeat(4),
];

describe("readServerName()", () => {
  test.each(names)("reads %j", (text, name) => {
    expect(readServerName(text)).toBe(name);
    // Parsing the result again does not change it.
    expect(readServerName(name)).toBe(name);
  });

  test.each(others)("rejects %j", (text) => {
    expect(readServerName(text)).toBeUndefined();
  });

  test("returns at once for a long text", () => {
    const startedAt = performance.now();
    for (const text of ["a", "-", "a.", "_", "1", ":", "["]) readServerName(text.repeat(100_000));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe("expectedName()", () => {
  test("returns the URL's host, unless a config names another host", () => {
    expect(expectedName("api.internal.", undefined)).toBe("api.internal");
    expect(expectedName("[::1]", undefined)).toBe("::1");
    expect(expectedName("127.0.0.1", undefined)).toBe("127.0.0.1");
    expect(expectedName("127.0.0.1", "api.internal")).toBe("api.internal");
  });
});

describe("sniOf()", () => {
  test("returns a host name, and nothing for an address", () => {
    expect(sniOf("api.internal")).toBe("api.internal");
    expect(sniOf("1.2.3.4.example")).toBe("1.2.3.4.example");
    for (const address of ["127.0.0.1", "::1", "fd00::"]) expect(sniOf(address)).toBe("");
  });
});
