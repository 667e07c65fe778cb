/**
 * Programs by way of `Deno.Command`.
 *
 * @module
 */

import { SourceError } from "../../src/errors.ts";
import type { ProgramCommand, ProgramResult, Programs } from "../../src/runtime.ts";
import { batchCommand } from "../_shared/batch-command.ts";
import { OutputTail, STDERR_GRACE_MS } from "../_shared/output-tail.ts";
import { noSuchProgram, programError } from "../_shared/program-errors.ts";
import { isBatchFile, programPaths } from "../_shared/program-paths.ts";
import { isDenied } from "./permissions.ts";
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
  const tail = new OutputTail();
  const stdout = child.stdout.getReader();
  // A program that asks a person has this process's own.
  const stderr = command.inheritStdin ? undefined : child.stderr.getReader();
  const drained = stderr && passOn(stderr, tail);
  const onAbort = (): void => {
    kill(child);
    // What a shell script has started may hold the pipes open for as long as it likes: nobody reads them.
    stdout.cancel().catch(() => {});
    stderr?.cancel().catch(() => {});
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const output = await read(stdout, command.maxOutputBytes);
    signal.throwIfAborted();
    const { code, signal: endedBy } = await child.status;
    await atMost(drained, STDERR_GRACE_MS);
    signal.throwIfAborted();
    return {
      exitCode: endedBy === null ? code : undefined,
      stdout: output,
      stderr: tail.bytes,
    };
  } catch (error) {
    onAbort();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function atMost(event: Promise<void> | undefined, limitMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([event, late]);
  clearTimeout(timer);
}

async function read(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    chunks.push(value);
    size += value.length;
    if (size > maxBytes) {
      throw new SourceError(`it printed more than ${maxBytes} bytes`, "too-large");
    }
  }
}

/** Writes to this process's standard error, and takes it as it is if nobody reads that any longer. */
async function passOn(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  tail: OutputTail,
): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      tail.push(value);
      for (let rest = value; rest.length > 0;) {
        rest = rest.subarray(await deno().stderr.write(rest));
      }
    }
  } catch {
    // It is gone, or the program was killed.
  }
}

function start(command: ProgramCommand): ChildProcess {
  const places = locate(command);
  for (const [index, place] of places.entries()) {
    const child = spawn(command, place, index === places.length - 1);
    if (child !== undefined) return child;
  }
  throw noSuchProgram(command.command);
}

/** What is started, and which batch file that is for; its arguments are quoted already. */
interface Located {
  readonly file: string;
  readonly args: readonly string[];
  readonly batchFile?: string;
}

/**
 * Where the program may be, by this process's `PATH`. Deno would search the `PATH` of the new program's
 * environment.
 */
function locate({ command, args, env }: ProgramCommand): Located[] {
  const isWindows = deno().build.os === "windows";
  if (!isWindows && (command.includes("/") || env["PATH"] === undefined)) {
    return [{ file: command, args }];
  }
  const variables = isWindows ? ["PATH", "PATHEXT", "SystemRoot"] : ["PATH"];
  const denied = variables.filter((name) => isDenied("env", name));
  if (denied.length > 0) {
    const why = isWindows ? "" : ", since exec.env sets a PATH of its own";
    const grant = `grant --allow-env=${denied.join(",")}`;
    throw new SourceError(`it can't be looked for in PATH${why}; ${grant}`, "denied");
  }
  const variable = (name: string): string | undefined => deno().env.get(name);
  const places = { isWindows, path: variable("PATH"), extensions: variable("PATHEXT") };
  return programPaths(command, places).map((file) => {
    if (!isWindows || !isBatchFile(file)) return { file, args };
    const batch = batchCommand(file, args, variable("SystemRoot"));
    return { file: batch.command, args: batch.args, batchFile: file };
  });
}

/** Starts a program; `undefined` if there is none at this place and there are others to try. */
function spawn(
  { command, env, inheritStdin }: ProgramCommand,
  { file, args, batchFile }: Located,
  isLast: boolean,
): ChildProcess | undefined {
  const { Command, errors, statSync } = deno();
  try {
    // What is started then is there in any case.
    if (batchFile !== undefined && !statSync(batchFile).isFile) return undefined;
    // Looked at first: starting it would prompt.
    if (isDenied("run", file)) {
      if (!isLast) return undefined;
      const grant = batchFile === undefined ? command : file;
      throw new SourceError(`it may not be run; grant --allow-run=${grant}`, "denied");
    }
    return new Command(file, {
      args: [...args],
      env: { ...env },
      stdin: inheritStdin ? "inherit" : "null",
      stdout: "piped",
      stderr: inheritStdin ? "inherit" : "piped",
      windowsRawArguments: batchFile !== undefined,
    }).spawn();
  } catch (error) {
    if (error instanceof SourceError) throw error;
    // Some variables, `LD_PRELOAD` among them, want more than this one program's permission.
    if (error instanceof errors.NotCapable) {
      throw new SourceError(`it may not be run: ${error.message}`, "denied");
    }
    // As in a shell, what is no program is passed over.
    if (!isLast && (error instanceof errors.NotFound || error instanceof errors.PermissionDenied)) {
      return undefined;
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
