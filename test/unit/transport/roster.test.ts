/**
 * Who is in flight.
 *
 * @module
 */

import { expect, test } from "vitest";
import { Roster } from "../../../src/transport/roster.ts";

test("members are those who have entered and not left", () => {
  const roster = new Roster<{ name: string }>();
  const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];
  const leave = roster.enter(a);
  roster.enter(b);
  expect(roster.members).toEqual([a, b]);
  leave();
  expect(roster.members).toEqual([b]);
  roster.enter(c);
  expect(new Set(roster.members)).toEqual(new Set([b, c]));
});

test("who has left does so once: the place may be another's by then", () => {
  const roster = new Roster<{ name: string }>();
  const leave = roster.enter({ name: "a" });
  leave();
  const b = { name: "b" };
  roster.enter(b);
  leave();
  expect(roster.members).toEqual([b]);
});
