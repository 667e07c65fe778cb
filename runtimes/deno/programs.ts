/**
 * Programs by way of `Deno.Command`.
 *
 * @module
 */

import { SourceError } from "../../src/errors.ts";
import type { ProgramCommand, ProgramResult, Programs } from "../../src/runtime.ts";
import { deno } from "./shim.ts";

/** Runs programs. One that runs on keeps the process alive no longer than somebody waits for it. */
export const denoPrograms: Programs = {
  run,
  stdinIsTerminal: () => deno().stdin.isTerminal(),
};

interface Child {
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly status: Promise<{ readonly code: number; readonly signal: string | null }>;
  kill(signal: "SIGKILL"): void;
  unref(): void;
}

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

function start({ command, args, env, inheritStdin }: ProgramCommand): Child {
  const { Command, permissions } = deno();
  // Looked at first: starting it would prompt.
  if (permissions.querySync({ name: "run", command }).state !== "granted") {
    throw new SourceError(`it may not be run; grant --allow-run=${command}`, "denied");
  }
  try {
    const child = new Command(command, {
      args: [...args],
      env: { ...env },
      stdin: inheritStdin ? "inherit" : "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return child as typeof child & Child;
  } catch (error) {
    throw startError(command, error);
  }
}

function kill(child: Child): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Says why a program did not start, in the words of `runtimes/_shared/node-programs.ts`. */
function startError(command: string, cause: unknown): SourceError {
  const { errors } = deno();
  // Some variables, `LD_PRELOAD` among them, want more than this one program's permission.
  if (cause instanceof errors.NotCapable) {
    return new SourceError(`it may not be run: ${cause.message}`, "denied", { cause });
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  switch (code) {
    case "ENOENT":
      return new SourceError(
        /[\\/]/.test(command)
          ? "there is no such program, or none that its first line asks for"
          : "there is no such program in PATH",
        "missing",
        { cause },
      );
    case "EACCES":
    case "EPERM":
      return new SourceError("it may not be run (is the file executable?)", "denied", { cause });
    case "E2BIG":
      return new SourceError(
        "it can't be started: its arguments or variables are too long",
        "failed",
        { cause },
      );
    default:
      return new SourceError(`it can't be started (${code})`, "failed", { cause });
  }
}
