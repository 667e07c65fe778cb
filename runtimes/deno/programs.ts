/**
 * Programs by way of `Deno.Command`.
 *
 * @module
 */

import { SourceError } from "../../src/errors.ts";
import type { ProgramCommand, ProgramResult, Programs } from "../../src/runtime.ts";
import { deno } from "./shim.ts";

/** Runs programs. */
export const denoPrograms: Programs = {
  run,
  stdinIsTerminal: () => deno().stdin.isTerminal(),
};

async function run(
  { command, args, env, inheritStdin, maxOutputBytes }: ProgramCommand,
  signal: AbortSignal,
): Promise<ProgramResult> {
  if (deno().permissions.querySync({ name: "run", command }).state !== "granted") {
    throw new SourceError(`${command} may not be run (grant --allow-run=${command})`, "denied");
  }
  const child = start(command, {
    args: [...args],
    env: { ...env },
    stdin: inheritStdin ? "inherit" : "null",
    stdout: "piped",
    stderr: "inherit",
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = child.stdout.getReader();
  const onAbort = (): void => {
    kill(child);
    // A grandchild may hold the pipe open for as long as it likes: nobody waits for it.
    reader.cancel().catch(() => {});
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      size += value.length;
      if (size > maxOutputBytes) {
        onAbort();
        throw new SourceError(`it printed more than ${maxOutputBytes} bytes`, "too-large");
      }
    }
    const { code, signal: endedBy } = await child.status;
    signal.throwIfAborted();
    const stdout = await new Blob(chunks as Uint8Array<ArrayBuffer>[]).text();
    return { exitCode: endedBy === null ? code : undefined, stdout };
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

type CommandOptions = ConstructorParameters<ReturnType<typeof deno>["Command"]>[1];
type Child = ReturnType<InstanceType<ReturnType<typeof deno>["Command"]>["spawn"]>;

function start(command: string, options: CommandOptions): Child {
  const { Command, errors } = deno();
  try {
    return new Command(command, options).spawn();
  } catch (cause) {
    if (cause instanceof errors.NotFound) {
      const where = /[\\/]/.test(command) ? "" : " (looked for in PATH)";
      throw new SourceError(`there is no program ${command}${where}`, "missing", { cause });
    }
    if (cause instanceof errors.PermissionDenied || cause instanceof errors.NotCapable) {
      throw new SourceError(`${command} may not be run`, "denied", { cause });
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SourceError(`${command} can't be started: ${reason}`, "failed", { cause });
  }
}

function kill(child: Child): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
