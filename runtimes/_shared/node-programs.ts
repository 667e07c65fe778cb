/**
 * Programs by way of `node:child_process`, which Node and Bun share.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { isatty } from "node:tty";
import { SourceError } from "../../src/errors.ts";
import type { ProgramCommand, ProgramResult, Programs } from "../../src/runtime.ts";

/** Runs programs. */
export const nodePrograms: Programs = {
  run,
  stdinIsTerminal: () => isatty(0),
};

function run(
  { command, args, env, inheritStdin, maxOutputBytes }: ProgramCommand,
  signal: AbortSignal,
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: [inheritStdin ? "inherit" : "ignore", "pipe", "inherit"],
      windowsHide: true,
    });
    const chunks: Uint8Array[] = [];
    let size = 0;
    const stop = (error: unknown): void => {
      signal.removeEventListener("abort", onAbort);
      // A grandchild may hold the pipe open for as long as it likes: nobody waits for it.
      child.stdout.destroy();
      child.kill("SIGKILL");
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const onAbort = (): void => stop(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    child.once("error", (error) => stop(startError(command, error)));
    child.stdout.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxOutputBytes) {
        stop(new SourceError(`it printed more than ${maxOutputBytes} bytes`, "too-large"));
      }
    });
    child.once("close", (exitCode) => {
      signal.removeEventListener("abort", onAbort);
      const stdout = new TextDecoder().decode(Buffer.concat(chunks));
      resolve({ exitCode: exitCode ?? undefined, stdout });
    });
  });
}

function startError(command: string, error: Error): SourceError {
  const code = "code" in error ? error.code : undefined;
  if (code === "ENOENT") {
    const where = /[\\/]/.test(command) ? "" : " (looked for in PATH)";
    return new SourceError(`there is no program ${command}${where}`, "missing", { cause: error });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new SourceError(`${command} may not be run`, "denied", { cause: error });
  }
  return new SourceError(`${command} can't be started: ${error.message}`, "failed", {
    cause: error,
  });
}
