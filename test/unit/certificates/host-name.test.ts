/**
 * The hosts that a certificate is valid for. The table of chains compares the same rules with Go's.
 *
 * @module
 */

import { expect, test } from "vitest";
import { includesHost } from "../../../src/certificates/host-name.ts";
import { addressOf, parseAddress } from "../../../src/ip-address.ts";

const names = (...hosts: string[]) => ({ hosts, addresses: [] });
const addresses = (...bytes: number[][]) => ({
  hosts: [],
  addresses: bytes.map((it) => addressOf(Uint8Array.from(it))).filter((it) => it !== undefined),
});

test.each([
  ["a.example", "a.example"],
  ["A.Example", "a.eXAMPLE"],
  ["a.example", "a.example."],
  ["_a.example", "_a.example"],
  ["*.example", "a.example"],
  ["*.a.example", "_b.a.example"],
  ["not a name", "not a name"],
])("includesHost() accepts %s for %s", (pattern, host) => {
  expect(includesHost(names("other.example", pattern), host)).toBe(true);
});

test.each([
  ["a.example", "b.example"],
  ["a.example.", "a.example"],
  ["*.example", "a.b.example"],
  ["*.example", "example"],
  ["*.example", ".example"],
  ["a*.example", "ab.example"],
  ["*a.example", "ba.example"],
  ["a.*.example", "a.b.example"],
  ["*.*.example", "a.b.example"],
  ["*", "example"],
  ["*", "*"],
  ["", ""],
  [".", "."],
  ["127.0.0.1", "127.0.0.1"],
  ["*.0.0.1", "127.0.0.1"],
])("includesHost() rejects %j for %j", (pattern, host) => {
  expect(includesHost(names(pattern), host)).toBe(pattern === "*" && host === "*");
});

test("includesHost() compares addresses by their value", () => {
  expect(includesHost(addresses([127, 0, 0, 1]), "127.0.0.1")).toBe(true);
  expect(includesHost(addresses([127, 0, 0, 2]), "127.0.0.1")).toBe(false);
  const mapped = [...Array<number>(10).fill(0), 255, 255, 127, 0, 0, 1];
  expect(includesHost(addresses(mapped), "127.0.0.1")).toBe(true);
  const loopback = [...Array<number>(15).fill(0), 1];
  expect(includesHost(addresses(loopback), "::1")).toBe(true);
  expect(includesHost(addresses(loopback), "[::1]")).toBe(true);
  expect(includesHost(addresses(loopback), "0.0.0.1")).toBe(false);
});

test("addressOf() reads four or sixteen bytes, and nothing else", () => {
  expect(addressOf(Uint8Array.of(10, 0, 0, 1))).toEqual(parseAddress("10.0.0.1"));
  expect(addressOf(Uint8Array.of(1, 2, 3))).toBeUndefined();
});
