/**
 * Programs in Go that `tools/e2e.ts` has built, each of which says on its standard output when it is ready.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

/** A program that runs. */
export interface GoProgram {
  readonly pid: number;
  /** The line of JSON that it printed when it was ready. */
  readonly ready: unknown;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Ends it at once, as a machine that loses its power. */
  kill(): Promise<void>;
}

/** What is started, and where. */
export interface GoProgramOptions {
  /** As in `kube-apiserver`, for errors and for the name of its log. */
  readonly name: string;
  /** Its path. */
  readonly program: string;
  /** Where it runs; its log is there too. */
  readonly folder: string;
  readonly flags: readonly string[];
}

/**
 * Starts a program and waits until it is ready. It ends with this process, however that ends: its standard
 * input is a pipe of ours.
 */
export async function startGoProgram(options: GoProgramOptions): Promise<GoProgram> {
  const { name, program, folder, flags } = options;
  const child = spawn(program, flags, { cwd: folder, stdio: ["pipe", "pipe", "pipe"] });
  const { pid, stdin, stdout, stderr } = child;
  const logFile = join(folder, `${name}.log`);
  stderr.pipe(createWriteStream(logFile, { flags: "a" }));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  // A program that is gone takes no more input.
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
