/**
 * The fields that differ between two states of an object.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../../src/api/object.ts";
import { changesOf } from "../../../src/manifests/field-changes.ts";

function object(fields: object, kind = "Thing"): KubeObject {
  return { apiVersion: "v1", kind, metadata: { name: "a" }, ...fields };
}

function lines(before: KubeObject | undefined, after: KubeObject): unknown[] {
  return changesOf(before, after).map((change) => [change.path, change.before, change.after]);
}

describe("changesOf() finds", () => {
  test("new, changed and removed fields", () => {
    const before = object({ spec: { a: 1, b: { c: 2 }, d: 3, same: [1] } });
    const after = object({ spec: { a: 2, b: {}, e: { f: 4 }, same: [1] } });
    expect(lines(before, after)).toEqual([
      ["spec.a", 1, 2],
      ["spec.b", { c: 2 }, {}],
      ["spec.d", 3, undefined],
      ["spec.e.f", undefined, 4],
    ]);
  });

  test("list items by name, if all names are different", () => {
    const list = (...items: object[]): KubeObject => object({ spec: { list: items } });
    const before = list({ name: "a", v: 1 }, { name: "b", v: 1 });
    expect(lines(before, list({ name: "b", v: 2 }, { name: "a", v: 1 }))).toEqual([
      ["spec.list[b].v", 1, 2],
    ]);
    expect(lines(before, list({ v: 1 }, { name: "b", v: 1 }))).toEqual([
      ["spec.list[0].name", "a", undefined],
    ]);
  });

  test("all fields of a new object", () => {
    expect(lines(undefined, object({ data: { a: "x" } }))).toEqual([
      ["apiVersion", undefined, "v1"],
      ["kind", undefined, "Thing"],
      ["metadata.name", undefined, "a"],
      ["data.a", undefined, "x"],
    ]);
  });

  test("nothing in fields that the server maintains", () => {
    const metadata = {
      name: "a",
      uid: "1",
      resourceVersion: "2",
      generation: 3,
      managedFields: [],
    };
    expect(lines(object({}), object({ metadata }))).toEqual([]);
  });

  test("a value of another type as a whole", () => {
    expect(lines(object({ a: [1] }), object({ a: { 0: 1 } }))).toEqual([["a", [1], { 0: 1 }]]);
  });

  test("that a Secret differs, without its values", () => {
    const before = object({ data: { a: "b2xk" } }, "Secret");
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "hush" };
    const after = object({ metadata: { name: "a", annotations }, data: { a: "bmV3" } }, "Secret");
    const found = changesOf(before, after);
    expect(found).toHaveLength(2);
    expect(JSON.stringify(found)).not.toMatch(/b2xk|bmV3|hush/);
  });
});
