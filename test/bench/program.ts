/**
 * Programs that the benchmark starts, each a process of its own on the runtime that is measured.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { bin, root } from "../../tools/run.ts";
import type { Order, Outcome } from "./orders.ts";

/** A runtime that is measured. */
export type RuntimeName = "node" | "deno" | "bun";

/** What a runtime is called in figures. */
export const runtimeTitles: Readonly<Record<RuntimeName, string>> = {
  node: "Node",
  deno: "Deno",
  bun: "Bun",
};

/** How a program is started. */
export interface ProgramOptions {
  /** @default "node" */
  readonly runtime?: RuntimeName;
  /** A program that needs no runtime, in the place of the file. */
  readonly command?: string | undefined;
  /** What the program is told at its start. */
  readonly argument?: unknown;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of the runtime. */
  readonly flags?: readonly string[];
}

/** A program that takes orders. */
export interface Program extends AsyncDisposable {
  /** Gives an order, and waits for its answer. */
  ask<T>(name: string, argument?: unknown): Promise<T>;
}

const STOP_MS = 3_000;

/**
 * Starts a program that takes orders.
 *
 * @param file below `test/bench/`
 */
export function startProgram(file: string, options: ProgramOptions = {}): Program {
  const child = spawnProgram(file, options);
  const closed = once(child, "close").then(() => undefined);
  closed.catch(() => {}); // Who asks is told.
  child.stdin.on("error", () => {}); // It has gone, which who asks is told.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask<T>(name: string, argument?: unknown): Promise<T> {
      const order: Order = { name, argument };
      child.stdin.write(`${JSON.stringify(order)}\n`);
      const { done, value } = await lines.next();
      if (done === true) throw new Error(`Cannot ${name}: ${file} has ended`);
      const { error, answer } = JSON.parse(value) as Outcome;
      if (error !== undefined) throw new Error(`Cannot ${name} in ${file}: ${error}`);
      return answer as T;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

/**
 * Runs a program to its end.
 *
 * @param file below `test/bench/`
 * @returns what its only line of output says
 */
export async function runProgram<T>(file: string, options: ProgramOptions = {}): Promise<T> {
  const child = spawnProgram(file, options);
  child.stdin.end();
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`Cannot run ${file}: it ended with code ${code}`);
  return JSON.parse(output) as T;
}

function spawnProgram(file: string, options: ProgramOptions) {
  const { runtime = "node", argument = null, env = {}, flags = [] } = options;
  const path = fileURLToPath(new URL(file, import.meta.url));
  const [command, ...args] =
    options.command === undefined ? [...commands[runtime], ...flags, path] : [options.command];
  return spawn(command, [...args, JSON.stringify(argument)], {
    cwd: root,
    env: { ...environment(), ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
}

const commands: Readonly<Record<RuntimeName, [string, ...string[]]>> = {
  node: [process.execPath],
  deno: [bin("deno"), "run", "-A", "--quiet", "--no-check", "--config", "deno.offline.json"],
  bun: [bin("bun")],
};

/** No proxy, no kubeconfig and no option of the host's. */
function environment(): Record<string, string> {
  const kept = ["PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME"];
  const own = kept.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(own), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
}
