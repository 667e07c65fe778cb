/**
 * Runs a small program in the runtime that the tests run in.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { lane } from "./entry.ts";

/** How a program ended. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that was started. */
export interface Program {
  /** Whether it has printed this yet. */
  printed(text: string): boolean;
  /** Resolves when it has ended. */
  readonly ended: Promise<ProgramEnd>;
}

const flags: Readonly<Record<typeof lane, readonly string[]>> = {
  node: [],
  bun: [],
  deno: ["run", "-A", "--no-check", "--config", path("../../../deno.offline.json")],
};

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

/** How a program is started. */
export interface ProgramOptions {
  /** What is set beside this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What this lane's runtime is started with beside its usual flags. */
  readonly flags?: readonly string[];
  /** Where it runs, if not where this process does. */
  readonly folder?: string | undefined;
}

/**
 * Starts a program; it is killed when the test ends, where it has not ended by then.
 *
 * @param name its file's in `programs/`, without the extension
 * @param args its arguments
 */
export function runProgram(
  name: string,
  args: readonly string[],
  { env, flags: moreFlags = [], folder }: ProgramOptions = {},
): Program {
  const command = [...flags[lane], ...moreFlags, path(`./programs/${name}.ts`), ...args];
  const child = spawn(process.execPath, command, {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Uint8Array) => {
    stdout += new TextDecoder().decode(chunk);
  });
  child.stderr.on("data", (chunk: Uint8Array) => {
    stderr += new TextDecoder().decode(chunk);
  });
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { printed: (text) => stdout.includes(text), ended };
}
