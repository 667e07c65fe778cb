/**
 * Type-checks every part with the globals that it may use.
 *
 * @module
 */

import process from "node:process";
import { bin, run } from "./run.ts";

const projects = [
  "src/tsconfig.json",
  "runtimes/tsconfig.json",
  "runtimes/edge/tsconfig.json",
  "test/edge/tsconfig.worker.json",
  "tsconfig.json",
];

/** The files that need Deno's own types. */
const denoFiles = [
  "runtimes/deno.ts",
  "test/deno/",
  "test/runtimes/programs/deno-dropped-response.ts",
  "test/runtimes/programs/deno-in-cluster.ts",
];

let failed = false;

async function check(title: string, command: string, args: readonly string[]): Promise<void> {
  const { exitCode, output } = await run(bin(command), args);
  if (exitCode === 0) return;
  failed = true;
  console.error(`${title}\n${output}`);
}

for (const project of projects) await check(project, "tsc", ["-p", project]);
await check("Deno", "deno", ["check", "--config", "deno.offline.json", ...denoFiles]);

if (failed) process.exitCode = 1;
