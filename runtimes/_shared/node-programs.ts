/**
 * Programs by way of `node:child_process`, which Node and Bun share.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { isatty } from "node:tty";
import { SourceError } from "../../src/errors.ts";
import type { ProgramCommand, ProgramResult, Programs } from "../../src/runtime.ts";
import { programError } from "./program-errors.ts";

/** Runs programs. One that runs on keeps the process alive no longer than somebody waits for it. */
export const nodePrograms: Programs = { run, stdinIsTerminal };

// `process.stdin` is left alone: merely looking at it opens the stream.
function stdinIsTerminal(): boolean {
  return isatty(0);
}

async function run(command: ProgramCommand, signal: AbortSignal): Promise<ProgramResult> {
  signal.throwIfAborted();
  // In a group of its own, what a shell script has started can be killed along with it. At a terminal it
  // stays in this process's group, so that Ctrl-C ends it too and it can ask at `/dev/tty`.
  const hasGroup = process.platform !== "win32" && !stdinIsTerminal();
  const child = start(command, hasGroup);
  try {
    return await finish(child, command, signal);
  } catch (error) {
    kill(child, hasGroup);
    // Whatever has left the group may hold the pipe open for as long as it likes: nobody reads it.
    child.stdout?.destroy();
    throw error;
  }
}

function start(
  { command, args, env, inheritStdin }: ProgramCommand,
  detached: boolean,
): ChildProcess {
  try {
    return spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: [inheritStdin ? "inherit" : "ignore", "pipe", "inherit"],
      detached,
      windowsHide: true,
    });
  } catch (error) {
    throw programError(command, error);
  }
}

/** Waits for the end, or for what it must not be waited for any longer. */
function finish(
  child: ChildProcess,
  { command, maxOutputBytes }: ProgramCommand,
  signal: AbortSignal,
): Promise<ProgramResult> {
  const { stdout } = child; // `null` where the system has no more pipes, which `error` then tells.
  child.unref();
  if (stdout && "unref" in stdout && typeof stdout.unref === "function") stdout.unref();
  let onAbort = (): void => {};
  const result = new Promise<ProgramResult>((resolve, reject) => {
    onAbort = () => reject(signal.reason);
    const chunks: Uint8Array[] = [];
    let size = 0;
    stdout?.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxOutputBytes) {
        reject(new SourceError(`it printed more than ${maxOutputBytes} bytes`, "too-large"));
      }
    });
    child.on("error", (error) => reject(programError(command, error)));
    child.once("close", (exitCode) => {
      resolve({ exitCode: exitCode ?? undefined, stdout: Buffer.concat(chunks).toString() });
    });
  });
  signal.addEventListener("abort", onAbort, { once: true });
  return result.finally(() => signal.removeEventListener("abort", onAbort));
}

function kill(child: ChildProcess, hasGroup: boolean): void {
  try {
    if (hasGroup && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    else child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
