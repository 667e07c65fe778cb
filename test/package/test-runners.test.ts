/**
 * The tests that docs/testing.md shows, each in its runner, with the built package.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeBlocks } from "../docs/code-blocks.ts";
import { root } from "../docs/documents.ts";

const require = createRequire(import.meta.url);
const blocks = codeBlocks(await readFile(join(root, "docs/testing.md"), "utf8"));

/** The runners, by the flags of their blocks. */
const runners: readonly (readonly [name: string, command: readonly string[], passed: RegExp])[] = [
  [
    "vitest",
    [process.execPath, join(root, "node_modules/vitest/vitest.mjs"), "run", "--config", "none.mjs"],
    /1 passed/,
  ],
  ["node", [process.execPath, "--test", "node.test.mjs"], /pass 1/],
  [
    "deno",
    [
      process.execPath,
      require.resolve("deno/bin.cjs"),
      "test",
      "-A",
      "--no-check",
      "deno.test.mjs",
    ],
    /1 passed/,
  ],
  ["bun", [require.resolve("bun/bin/bun.exe"), "test", "bun.test.mjs"], /1 pass/],
];

let folder: string;

beforeAll(async () => {
  await mkdir(join(root, ".tmp"), { recursive: true });
  folder = await mkdtemp(join(root, ".tmp/runners-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules/reanchor"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }\n');
  await writeFile(
    join(folder, "none.mjs"),
    'export default { test: { include: ["vitest.*"] } };\n',
  );
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

test.each(runners)(
  "the test for %s passes in it",
  async (name, [command = "", ...args], passed) => {
    const own = blocks.filter(({ language, flags }) => language === "js" && flags.includes(name));
    expect(own).toHaveLength(1);
    await writeFile(join(folder, `${name}.test.mjs`), own[0]?.code ?? "");
    const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: "1" };
    // A test that runs within another one would report to that.
    for (const variable of ["NODE_TEST_CONTEXT", "VITEST"]) delete env[variable];
    const running = promisify(execFile)(command, args, { cwd: folder, env });
    const { stdout, stderr } = await running.catch((error: unknown) => {
      const { stdout: out = "", stderr: err = "" } = error as { stdout?: string; stderr?: string };
      throw new Error(`${name} failed:\n${out}\n${err}`);
    });
    expect(`${stdout}${stderr}`).toMatch(passed);
  },
  120_000,
);
