/**
 * Programs by way of `Deno.Command`.
 *
 * @module
 */

import { SourceError } from "../../src/errors.ts";
import type { ProgramCommand, ProgramResult, Programs } from "../../src/runtime.ts";
import { programError } from "../_shared/program-errors.ts";
import { type ChildProcess, deno } from "./shim.ts";

/** Runs programs. One that runs on keeps the process alive no longer than somebody waits for it. */
export const denoPrograms: Programs = {
  run,
  stdinIsTerminal: () => deno().stdin.isTerminal(),
};

async function run(command: ProgramCommand, signal: AbortSignal): Promise<ProgramResult> {
  signal.throwIfAborted();
  const child = start(command);
  child.unref();
  const reader = child.stdout.getReader();
  const onAbort = (): void => {
    kill(child);
    // What a shell script has started may hold the pipe open for as long as it likes: nobody reads it.
    reader.cancel().catch(() => {});
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const stdout = await read(reader, command.maxOutputBytes);
    signal.throwIfAborted();
    const { code, signal: endedBy } = await child.status;
    signal.throwIfAborted();
    return { exitCode: endedBy === null ? code : undefined, stdout };
  } catch (error) {
    onAbort();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function read(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return await new Blob(chunks).text();
    chunks.push(value);
    size += value.length;
    if (size > maxBytes) {
      throw new SourceError(`it printed more than ${maxBytes} bytes`, "too-large");
    }
  }
}

function start({ command, args, env, inheritStdin }: ProgramCommand): ChildProcess {
  const { Command, errors, permissions } = deno();
  // Looked at first: starting it would prompt.
  if (permissions.querySync({ name: "run", command }).state !== "granted") {
    throw new SourceError(`it may not be run; grant --allow-run=${command}`, "denied");
  }
  try {
    return new Command(command, {
      args: [...args],
      env: { ...env },
      stdin: inheritStdin ? "inherit" : "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    // Some variables, `LD_PRELOAD` among them, want more than this one program's permission.
    if (error instanceof errors.NotCapable) {
      throw new SourceError(`it may not be run: ${error.message}`, "denied");
    }
    throw programError(command, error);
  }
}

function kill(child: ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
