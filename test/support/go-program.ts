/**
 * Programs in Go that `tools/e2e.ts` has built, each of which prints a line on its standard output when it is
 * ready.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

/** A running program. */
export interface GoProgram {
  readonly pid: number;
  /** The line of JSON that it printed when it was ready. */
  readonly ready: unknown;
  /** Stops it gracefully. */
  stop(): Promise<void>;
  /** Kills it, as a power failure would. */
  kill(): Promise<void>;
}

/** The program to start, and its folder. */
export interface GoProgramOptions {
  /** Its name, such as `kube-apiserver`, for errors and for the name of its log. */
  readonly name: string;
  /** Its path. */
  readonly program: string;
  /** The folder it runs in, which also gets its log. */
  readonly folder: string;
  readonly flags: readonly string[];
}

/**
 * Starts a program and waits until it is ready. It ends whenever this process ends, because its standard
 * input is a pipe from here.
 */
export async function startGoProgram(options: GoProgramOptions): Promise<GoProgram> {
  const { name, program, folder, flags } = options;
  const child = spawn(program, flags, { cwd: folder, stdio: ["pipe", "pipe", "pipe"] });
  const { pid, stdin, stdout, stderr } = child;
  const logFile = join(folder, `${name}.log`);
  stderr.pipe(createWriteStream(logFile, { flags: "a" }));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  // A program that has ended accepts no more input.
  stdin.on("error", () => {});

  const ready = await new Promise<unknown>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      lastLines(logFile).then(
        (lines) => reject(new Error(`Cannot start ${name}: it ended with ${code}\n${lines}`)),
        reject,
      );
    });
    createInterface({ input: stdout }).once("line", (line) => resolve(JSON.parse(line)));
  });
  if (pid === undefined) throw new Error(`Cannot start ${name}: it has no process`);

  return {
    pid,
    ready,
    async stop() {
      stdin.end();
      await exited;
    },
    async kill() {
      process.kill(pid, "SIGKILL");
      await exited;
    },
  };
}

async function lastLines(file: string): Promise<string> {
  return (await readFile(file, "utf8")).split("\n").slice(-20).join("\n");
}
