/**
 * A collection whose members are added and removed with each request.
 *
 * @module
 */

import { expect, test } from "vitest";
import { FreeList } from "../../../src/transport/free-list.ts";

test("members are those that were added and not removed", () => {
  const list = new FreeList<{ name: string }>();
  const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];
  const place = list.add(a);
  list.add(b);
  expect(list.members).toEqual([a, b]);
  list.remove(place);
  expect(list.members).toEqual([b]);
  list.add(c);
  expect(new Set(list.members)).toEqual(new Set([b, c]));
});

test("a member is removed only once, because its place may be reused", () => {
  const list = new FreeList<{ name: string }>();
  const place = list.add({ name: "a" });
  list.remove(place);
  const b = { name: "b" };
  list.add(b);
  list.remove(place);
  expect(list.members).toEqual([b]);
});
