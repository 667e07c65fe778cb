/**
 * Runs programs from the documentation unchanged, apart from the path of the reanchor import.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { root } from "../../docs/documents.ts";
import { readEntries } from "../../docs/entries.ts";

/** A runtime, and the command that runs TypeScript on it. */
export interface ProgramRuntime {
  readonly name: "node" | "deno" | "bun";
  readonly command: readonly string[];
}

/** The settings of a command. */
export interface RunOptions {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A running program. */
export interface RunningProgram {
  /** Its output so far. */
  output(): string;
  /** Its result. */
  readonly exit: Promise<number>;
  /** Kills it. */
  kill(): void;
}

/** Shorter than a test's own limit, so that a hanging program reports its output. */
const LIMIT_MS = 150_000;

/** Writes a program into a folder and runs it. */
export async function runProgram(
  code: string,
  runtime: ProgramRuntime,
  options: RunOptions,
): Promise<RunningProgram> {
  const entries = { ...(await readEntries()), reanchor: `runtimes/${runtime.name}.ts` };
  const own = code.replaceAll(/(?<= from )"(reanchor[\w/-]*)"/g, (specifier, name: string) => {
    const path = (entries as Readonly<Record<string, string>>)[name];
    return path === undefined ? specifier : JSON.stringify(join(root, path));
  });
  const file = join(options.folder, `program-${runtime.name}.ts`);
  await writeFile(file, own);
  return run([...runtime.command, file], options);
}

/** Runs a command. */
export function run(
  [command = "", ...args]: readonly string[],
  { folder, environment }: RunOptions,
): RunningProgram {
  const env = { ...process.env, NO_COLOR: "1", ...environment };
  const child = spawn(command, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => void child.kill("SIGKILL"), LIMIT_MS);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => void (output += text));
  }
  const exit = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve(code ?? -1);
    });
  });
  return { output: () => output, exit, kill: () => void child.kill("SIGKILL") };
}
