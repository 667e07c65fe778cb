/**
 * npm's and JSR's packages are one: the same entries, version, licence and dependencies.
 *
 * @module
 */

import { expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { type NpmTarget, compareExports } from "./exports.ts";
import { type JsrConfig, type NpmConfig, readJson } from "./project.ts";

const npm = await readJson<NpmConfig>("package.json");
const jsr = await readJson<JsrConfig>("deno.json");

test("package.json and deno.json export the same", () => {
  expect(compareExports(npm.exports, jsr.exports)).toEqual([]);
});

test("package.json has each entry's types for compilers that read no exports", () => {
  const entries = Object.entries(npm.exports).flatMap(([name, target]) => {
    const types = typeof target === "string" ? undefined : target["types"];
    return types === undefined ? [] : [[name.slice(2), [types]]];
  });
  expect(npm.typesVersions).toEqual({ "*": Object.fromEntries(entries) });
  expect(npm.types).toBe("./dist/types/runtimes/node.d.ts");
});

test("package.json and deno.json agree on version, licence and dependencies", () => {
  expect(jsr.version).toBe(npm.version);
  expect(version).toBe(npm.version);
  expect(jsr.license).toBe(npm.license);
  const names = ["undici", "yaml", "zod"];
  expect(Object.keys(npm.dependencies)).toEqual(names);
  for (const name of names) {
    const [specifier, path] = name === "zod" ? ["zod/mini", "/mini"] : [name, ""];
    expect(jsr.imports[specifier]).toBe(`npm:${name}@${npm.dependencies[name]}${path}`);
  }
});

test("deno.offline.json is deno.json with a stand-in for the standard library", async () => {
  const { workspace, ...offline } = await readJson<JsrConfig & { workspace: string[] }>(
    "deno.offline.json",
  );
  expect(offline).toEqual(jsr);
  // A workspace rather than `links`: a linked module inside the package counts as one that the package
  // forgot to publish.
  expect(workspace).toEqual(["./test/support/std-fs"]);
  // Never published by itself either.
  const standIn = await readJson<{ name: string; publish: boolean }>(
    "test/support/std-fs/deno.json",
  );
  expect(standIn).toMatchObject({ name: "@std/fs", publish: false });
});

test.each<[what: string, plant: () => string[], difference: string]>([
  ["a key that npm lacks", () => compareExports(without("./bun"), jsr.exports), "JSR alone"],
  [
    "a key that JSR lacks",
    () => compareExports({ ...npm.exports, "./extra": "./dist/extra.js" }, jsr.exports),
    "npm alone",
  ],
  [
    "an entry of another runtime on JSR",
    () => compareExports(npm.exports, { ...jsr.exports, "./edge": "./runtimes/node.ts" }),
    "./edge on JSR is ./runtimes/node.ts",
  ],
  [
    "a root of another runtime on JSR",
    () => compareExports(npm.exports, { ...jsr.exports, ".": "./runtimes/node.ts" }),
    ". on JSR is ./runtimes/node.ts",
  ],
  [
    "an entry of another runtime on npm",
    () => compareExports({ ...npm.exports, "./edge": npm.exports["./node"] ?? "" }, jsr.exports),
    "./edge on npm is",
  ],
  [
    "an entry without types on npm",
    () => compareExports({ ...npm.exports, "./edge": "./dist/edge.js" }, jsr.exports),
    "./edge on npm is",
  ],
  [
    "conditions in another order",
    () => compareExports({ ...npm.exports, ".": reversed(npm.exports["."]) }, jsr.exports),
    ". on npm is",
  ],
])("compareExports() finds %s", (_what, plant, difference) => {
  expect(plant()).toEqual([expect.stringContaining(difference)]);
});

function without(key: string): Record<string, NpmTarget> {
  return Object.fromEntries(Object.entries(npm.exports).filter(([name]) => name !== key));
}

function reversed(target: NpmTarget = {}): NpmTarget {
  return Object.fromEntries(Object.entries(target).toReversed()) as NpmTarget;
}
