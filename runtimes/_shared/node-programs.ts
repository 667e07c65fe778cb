/**
 * Programs by way of `node:child_process`, which Node and Bun share.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants, stat } from "node:fs/promises";
import { isatty } from "node:tty";
import { SourceError } from "../../src/errors.ts";
import type { ProgramCommand, ProgramResult, Programs } from "../../src/runtime.ts";
import { batchCommand } from "./batch-command.ts";
import { OutputTail, STDERR_GRACE_MS } from "./output-tail.ts";
import { process } from "./process.ts";
import { noSuchProgram, programError } from "./program-errors.ts";
import { isBatchFile, programPaths } from "./program-paths.ts";

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
  const child = start(await locate(command), command, hasGroup);
  try {
    return await finish(child, command, signal);
  } catch (error) {
    kill(child, hasGroup);
    // Whatever has left the group may hold the pipes open for as long as it likes: nobody reads them.
    child.stdout?.destroy();
    child.stderr?.destroy();
    throw error;
  }
}

/** What is started, and whether its arguments are quoted already. */
interface Located {
  readonly file: string;
  readonly args: readonly string[];
  readonly isQuoted: boolean;
}

/** Finds the program by this process's `PATH`. `spawn` would search the `PATH` of the new program's environment. */
async function locate({ command, args, env }: ProgramCommand): Promise<Located> {
  const isWindows = process.platform === "win32";
  const asIs = { file: command, args, isQuoted: false };
  if (!isWindows && (command.includes("/") || env["PATH"] === undefined)) return asIs;
  const { PATH: path, PATHEXT: extensions, SystemRoot: systemRoot } = process.env;
  for (const file of programPaths(command, { isWindows, path, extensions })) {
    if (!(await isProgram(file))) continue;
    if (!isWindows || !isBatchFile(file)) return { ...asIs, file };
    const batch = batchCommand(file, args, systemRoot);
    return { file: batch.command, args: batch.args, isQuoted: true };
  }
  throw noSuchProgram(command);
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

function start(
  { file, args, isQuoted }: Located,
  { command, env, inheritStdin }: ProgramCommand,
  detached: boolean,
): ChildProcess {
  try {
    return spawn(file, args, {
      env: { ...process.env, ...env },
      // A program that asks a person has the terminal to itself.
      stdio: inheritStdin ? ["inherit", "pipe", "inherit"] : ["ignore", "pipe", "pipe"],
      detached,
      windowsHide: true,
      windowsVerbatimArguments: isQuoted,
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
  const { stdout, stderr } = child; // `null` where the system has no more pipes, which `error` then tells.
  child.unref();
  for (const stream of [stdout, stderr]) {
    if (stream && "unref" in stream && typeof stream.unref === "function") stream.unref();
  }
  const tail = new OutputTail();
  stderr?.on("data", (chunk: Uint8Array) => {
    tail.push(chunk);
    passOn(chunk);
  });
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
    const ended = Promise.all([once(child, "exit"), stdout && once(stdout, "close")]);
    const drained = stderr && once(stderr, "close");
    ended
      .then(async ([[exitCode]]) => {
        await atMost(drained, STDERR_GRACE_MS);
        const output = Buffer.concat(chunks);
        resolve({ exitCode: exitCode ?? undefined, stdout: output, stderr: tail.bytes });
      })
      .catch(reject);
  });
  signal.addEventListener("abort", onAbort, { once: true });
  return result.finally(() => signal.removeEventListener("abort", onAbort));
}

async function atMost(event: Promise<unknown> | null, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([event, late]);
  clearTimeout(timer);
}

/** Writes to this process's standard error, and takes it as it is if nobody reads that any longer. */
function passOn(chunk: Uint8Array): void {
  process.stderr.once("error", ignore);
  process.stderr.write(chunk, () => process.stderr.removeListener("error", ignore));
}

function ignore(): void {}

function kill(child: ChildProcess, hasGroup: boolean): void {
  try {
    if (hasGroup && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    else child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
