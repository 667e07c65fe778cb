/**
 * The process of a kube-apiserver and its etcd, as `tools/e2e.ts` has built it.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Where `tools/e2e.ts` puts the program. */
export const serverProgram: string = fileURLToPath(
  new URL("../../.tmp/apiserver", import.meta.url),
);

/** What a server says once it is ready. */
export interface ServerAddress {
  readonly port: number;
  /** Where its connections are counted and cut. */
  readonly control: number;
  /** As in `v1.37.2`. */
  readonly version: string;
}

/** A server that runs. */
export interface ServerProcess extends ServerAddress {
  readonly pid: number;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Ends it at once, as a machine that loses its power. */
  kill(): Promise<void>;
}

/**
 * Starts a server and waits until it is ready. It ends with this process, however that ends: its standard
 * input is a pipe of ours.
 *
 * @param folder where it runs; its log is there too
 * @param flags those of kube-apiserver
 */
export async function startServerProcess(
  folder: string,
  flags: readonly string[],
): Promise<ServerProcess> {
  const child = spawn(serverProgram, flags, { cwd: folder, stdio: ["pipe", "pipe", "pipe"] });
  const { pid, stdin, stdout, stderr } = child;
  const logFile = join(folder, "server.log");
  stderr.pipe(createWriteStream(logFile, { flags: "a" }));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  // A server that is gone takes no more input.
  stdin.on("error", () => {});

  const address = await new Promise<ServerAddress>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      lastLines(logFile).then(
        (lines) =>
          reject(new Error(`Cannot start kube-apiserver: it ended with ${code}\n${lines}`)),
        reject,
      );
    });
    createInterface({ input: stdout }).once("line", (line) => {
      resolve(JSON.parse(line) as ServerAddress);
    });
  });
  if (pid === undefined) throw new Error("Cannot start kube-apiserver: it has no process");

  return {
    ...address,
    pid,
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
