/**
 * The floors hold: a file that stands on what it must not is caught by the compiler or the linter.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "./project.ts";

/** What a copy needs to be checked as the project is. */
const parts = ["src", "runtimes", "tsconfig.json", ".oxlintrc.json", "package.json"];

/** What neither the core nor the edge runtime may use. */
const foreign: Readonly<Record<string, string>> = {
  process: 'export const planted: unknown = process.env["HOME"];',
  Buffer: 'export const planted: unknown = Buffer.from("a");',
  Deno: 'export const planted: unknown = Deno.env.get("HOME");',
  Bun: "export const planted: unknown = Bun.version;",
  "node:fs":
    'import { readFileSync } from "node:fs";\nexport const planted: unknown = readFileSync;',
  "jsr:@std/fs": 'export { exists } from "jsr:@std/fs";',
  "bun:ffi": 'export { dlopen } from "bun:ffi";',
};

/** Folders that have web standards alone, and where the core is from there. */
const webFolders = [
  ["src/sources", ".."],
  ["runtimes/edge", "../../src"],
] as const;

const forbidden: readonly (readonly [folder: string, specifier: string])[] = [
  ["src", "./sources/source.ts"],
  ["src", "./api/client.ts"],
  ["src/sources", "../transport/request.ts"],
  ["src/sources", "../config/infer.ts"],
  ["src/transport", "../config/infer.ts"],
  ["src/transport", "../api/client.ts"],
  ["src/config", "../transport/request.ts"],
  ["src/config", "../api/client.ts"],
  ["src/api", "../index.ts"],
  ["src/api", "../resources/generated/kinds.ts"],
  ["src/sources", "../resources/generated/core-v1.ts"],
  ["src/resources", "../../runtimes/edge.ts"],
  ["src/api", "../../runtimes/edge.ts"],
  ["src/api", "undici"],
  ["runtimes/edge", "../node.ts"],
  ["runtimes/edge", "undici"],
  ["runtimes/bun", "../node/runtime.ts"],
  ["runtimes/_shared", "../deno/shim.ts"],
];

const allowed: readonly (readonly [folder: string, specifier: string])[] = [
  ["src/resources", "../api/resource.ts"],
  ["src/api", "../transport/request.ts"],
  ["src/transport", "../sources/source.ts"],
  ["src/sources", "../events.ts"],
  ["runtimes/bun", "../_shared/node-files.ts"],
];

let copy: string;
let compiled: string;
let linted: string;

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "reanchor-floors-"));
  for (const part of parts) await cp(join(root, part), join(copy, part), { recursive: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));

  // All at once: the checkers say which file each complaint is about.
  for (const [folder, core] of webFolders) {
    await plant(folder, "own", `export type { Clock } from "${core}/runtime.ts";`);
    await plant(folder, "print", 'console.log("printed");\n\nexport {};');
    for (const [name, code] of Object.entries(foreign)) await plant(folder, name, code);
  }
  compiled = `${await check("tsc", "-p", "src")}${await check("tsc", "-p", "runtimes/edge")}`;
  // Not before: undici brings the types of Node with it.
  for (const [folder, specifier] of [...forbidden, ...allowed]) {
    await plant(folder, specifier, `export type * from "${specifier}";`);
  }
  linted = await check("oxlint", "--format=unix", "src", "runtimes");
}, 60_000);

afterAll(() => rm(copy, { recursive: true }));

function planted(folder: string, name: string): string {
  return `${folder}/planted-${name.replaceAll(/\W+/g, "-")}.ts`;
}

async function plant(folder: string, name: string, code: string): Promise<void> {
  await writeFile(join(copy, planted(folder, name)), `${code}\n`);
}

async function check(checker: string, ...args: string[]): Promise<string> {
  const command = join(root, "node_modules/.bin", checker);
  const running = promisify(execFile)(command, args, { cwd: copy });
  const { stdout } = await running.catch((error: unknown) => error as { stdout: string });
  return stdout;
}

/** What a checker said of a file. */
function about(complaints: string, file: string): string {
  return complaints
    .split("\n")
    .filter((line) => line.startsWith(file))
    .join("\n");
}

describe.each(webFolders)("%s", (folder) => {
  test("may use the core", () => {
    expect(about(compiled, planted(folder, "own"))).toBe("");
    expect(about(linted, planted(folder, "own"))).toBe("");
  });

  test.each(Object.keys(foreign))("may not use %s", (name) => {
    expect(about(compiled, planted(folder, name))).toMatch(/error TS/);
    expect(about(linted, planted(folder, name))).toMatch(/no-restricted-(?:globals|imports)/);
  });

  test("may not print", () => {
    expect(about(linted, planted(folder, "print"))).toContain("no-console");
  });
});

test.each(forbidden)("%s may not import %s", (folder, specifier) => {
  expect(about(linted, planted(folder, specifier))).toContain("no-restricted-imports");
});

test.each(allowed)("%s may import %s", (folder, specifier) => {
  expect(about(linted, planted(folder, specifier))).toBe("");
});
