/**
 * The floors hold: a file that stands on what it must not is caught by the compiler or the linter.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { floors } from "../../tools/floors.ts";
import { root } from "./project.ts";

/** What a copy needs to be checked as the project is. */
const parts = [
  "src",
  "runtimes",
  "tsconfig.json",
  "oxlint.config.ts",
  "tools/floors.ts",
  "package.json",
];

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

/** A file of each folder of `src/`, from the ground up; those of one line stand beside each other. */
const samples: readonly (readonly (readonly [folder: string, file: string])[])[] = [
  [["src", "errors.ts"]],
  [["src/certificates", "pem.ts"]],
  [["src/sources", "source.ts"]],
  [["src/config", "infer.ts"]],
  [["src/transport", "request.ts"]],
  [["src/api", "list.ts"]],
  [
    ["src/watch", "reflector.ts"],
    ["src/pods", "logs.ts"],
  ],
  [["src/resources", "discovery.ts"]],
  [["src/client", "connect.ts"]],
  [["src/manifests", "install-order.ts"]],
  [["src/generate", "versions.ts"]],
  [["src/testing", "authority.ts"]],
];

const upward = samples.flatMap((floor, index) =>
  floor.flatMap((from) => {
    const beside = floor.filter((to) => to !== from);
    return [...beside, ...samples.slice(index + 1).flat()].map(
      (to) => [from[0], path(from, to)] as const,
    );
  }),
);
const downward = samples.flatMap((floor, index) =>
  floor.flatMap((from) =>
    samples
      .slice(0, index)
      .flatMap((below) => below.map((to) => [from[0], path(from, to)] as const)),
  ),
);

function path(
  [from]: readonly [string, string],
  [folder, file]: readonly [string, string],
): string {
  const specifier = relative(from, `${folder}/${file}`);
  return specifier.startsWith(".") ? specifier : `./${specifier}`;
}

const forbidden: readonly (readonly [folder: string, specifier: string])[] = [
  ...upward,
  ["src/config/kubeconfig", "../../transport/request.ts"],
  ["src/api", "../index.ts"],
  ["src/api", "../resources/generated/kinds.ts"],
  ["src/resources", "../../runtimes/edge.ts"],
  ["src/api", "../../runtimes/edge.ts"],
  ["src/api", "undici"],
  ["src/config", "yaml"],
  ["src/yaml", "zod/mini"],
  ["src/resources", "zod/mini"],
  ["src/certificates", "../yaml/yaml-documents.ts"],
  ["runtimes/edge", "../node.ts"],
  ["runtimes/edge", "undici"],
  ["runtimes/bun", "../node/runtime.ts"],
  ["runtimes/_shared", "../deno/shim.ts"],
];

const allowed: readonly (readonly [folder: string, specifier: string])[] = [
  ...downward,
  ["src/yaml", "yaml"],
  ["src/resources/crds", "zod/mini"],
  ["src/config/kubeconfig", "yaml"],
  ["src/config/kubeconfig", "zod/mini"],
  ["src/config/kubeconfig", "../../yaml/yaml-documents.ts"],
  ["src/config/kubeconfig", "../../sources/source.ts"],
  ["runtimes/bun", "../_shared/node-files.ts"],
];

let copy: string;
let compiled: string;
let linted: string;

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "reanchor-floors-"));
  await mkdir(join(copy, "tools"));
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
  for (const [file, other] of [
    ["one", "two"],
    ["two", "one"],
  ]) {
    const type = `export type ${file === "one" ? "One" : "Two"} = string`;
    const back = `export type * from "./planted-circle-${other}.ts";`;
    await plant("src/api", `circle-${file}`, `${type};\n${back}`);
  }
  linted = await check("oxlint", "--format=unix", "src", "runtimes");
});

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

test("every folder of src/ is on a floor", async () => {
  const folders = await readdir(join(root, "src"), { withFileTypes: true });
  const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  expect(floors.flat()).toEqual(expect.arrayContaining(names));
});

test("a circle of types is caught", () => {
  expect(about(linted, "src/api/planted-circle-one.ts")).toContain("no-cycle");
});

test.each(allowed)("%s may import %s", (folder, specifier) => {
  expect(about(linted, planted(folder, specifier))).toBe("");
});
