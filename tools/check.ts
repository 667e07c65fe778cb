/**
 * The one gate: every check that is not a test. Runs all of them, and reports which failed.
 *
 * @module
 */

import { join } from "node:path";
import process from "node:process";
import { bin, root, run } from "./run.ts";

interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const entries = [
  ...["node", "deno", "bun", "edge"].map((name) => `runtimes/${name}.ts`),
  "src/resources/index.ts",
  "src/manifests/index.ts",
  "runtimes/testing.ts",
];
const offline = ["--config", "deno.offline.json"];

const steps: readonly Step[] = [
  { name: "format", command: "oxfmt", args: ["--check"] },
  { name: "lint", command: "oxlint", args: ["--type-aware", "--deny-warnings"] },
  { name: "types", command: "node", args: ["tools/typecheck.ts"] },
  { name: "unused code", command: "knip", args: ["--config", "tools/knip.json"] },
  { name: "build", command: "node", args: ["tools/build.ts"] },
  { name: "package", command: "publint", args: ["--strict"] },
  { name: "package types", command: "attw", args: ["--pack", "--profile", "esm-only"] },
  { name: "size", command: "size-limit", args: [] },
  { name: "docstrings", command: "deno", args: ["doc", "--lint", ...offline, ...entries] },
  {
    name: "JSR dry run",
    command: "deno",
    args: ["publish", "--dry-run", "--allow-dirty", ...offline],
  },
];

const env = {
  ...process.env,
  NO_COLOR: "1",
  PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"]}`,
};

const failed: string[] = [];
for (const { name, command, args } of steps) {
  const { exitCode, output, seconds } = await run(bin(command), args, { env });
  const passed = exitCode === 0;
  console.log(`${passed ? "ok    " : "FAILED"}  ${name.padEnd(14)} ${seconds.toFixed(1)} s`);
  if (passed) continue;
  failed.push(name);
  console.log(`\n$ ${[command, ...args].join(" ")}\n${output}`);
}

if (failed.length > 0) {
  console.log(`${failed.length} of ${steps.length} checks failed: ${failed.join(", ")}`);
  process.exitCode = 1;
} else {
  console.log(`${steps.length} checks passed`);
}
