/**
 * Runs a program with a time limit.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const root: string = fileURLToPath(new URL("..", import.meta.url));

/** How to run a program. */
export interface RunOptions {
  /** @default the repository's folder */
  cwd?: string;
  /** @default this process's environment */
  env?: NodeJS.ProcessEnv;
  /** The time limit in milliseconds, after which it and its children are killed. @default 300_000 */
  timeoutMs?: number;
}

/** The result of a program. */
export interface RunResult {
  /** The exit code. `null` if it was killed or could not be started. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** Both of its outputs, in the order of arrival. */
  readonly output: string;
  readonly seconds: number;
}

const running = new Set<number>();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    for (const pid of running) kill(pid);
    process.exit(1);
  });
}

/** The path of a program in a dependency. */
export function bin(name: string): string {
  return `${root}node_modules/.bin/${name}`;
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  { cwd = root, env = process.env, timeoutMs = 300_000 }: RunOptions = {},
): Promise<RunResult> {
  const started = performance.now();
  // A process group of its own, so that its children are killed with it.
  const child = spawn(command, args, {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);

  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (pid !== undefined) kill(pid);
  }, timeoutMs);

  const exitCode = await new Promise<number | null>((resolve) => {
    child.once("error", (error) => {
      chunks.push(Buffer.from(`Cannot run ${command}: ${error.message}\n`));
      resolve(null);
    });
    child.once("close", resolve);
  });
  clearTimeout(timer);
  if (pid !== undefined) running.delete(pid);
  return {
    exitCode,
    timedOut,
    output: Buffer.concat(chunks).toString(),
    seconds: (performance.now() - started) / 1000,
  };
}

function kill(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has already ended.
  }
}
