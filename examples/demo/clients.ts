/**
 * The six that run side by side, each in a process of its own.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ClientRecord } from "./timeline.ts";

const require = createRequire(import.meta.url);

/** Where a client finds its cluster. */
export interface Place {
  readonly root: string;
  readonly origin: string;
  readonly port: number;
  readonly token: string;
}

interface Definition {
  readonly name: string;
  readonly isReanchor: boolean;
  command(place: Place): string[];
}

const node = process.execPath;
const worker = (name: string): string =>
  fileURLToPath(new URL(`./workers/${name}.ts`, import.meta.url));

/** Who runs. */
export const definitions: readonly Definition[] = [
  {
    name: "CA read once (undici)",
    isReanchor: false,
    command: ({ root, origin, token }) => [node, worker("read-once"), root, origin, token],
  },
  {
    name: "client-node, request",
    isReanchor: false,
    command: ({ root, origin, token }) => [node, worker("client-node"), root, origin, token],
  },
  {
    name: "client-node, exec",
    isReanchor: false,
    command: ({ root, origin, token }) => [
      node,
      worker("client-node"),
      root,
      origin,
      token,
      "exec",
    ],
  },
  {
    name: "reanchor on Node",
    isReanchor: true,
    command: ({ root }) => [node, worker("reanchor-node"), root],
  },
  {
    name: "reanchor on Deno",
    isReanchor: true,
    command: ({ root }) => [
      node,
      require.resolve("deno/bin.cjs"),
      "run",
      "--no-prompt",
      "--no-check",
      `--config=${fileURLToPath(new URL("../../deno.offline.json", import.meta.url))}`,
      "--allow-net",
      `--allow-read=${root}`,
      "--allow-env=KUBERNETES_SERVICE_HOST,KUBERNETES_SERVICE_PORT",
      worker("reanchor-deno"),
      root,
    ],
  },
  {
    name: "reanchor on Bun",
    isReanchor: true,
    command: ({ root }) => [require.resolve("bun/bin/bun.exe"), worker("reanchor-bun"), root],
  },
];

/** A client that runs. */
export interface RunningClient {
  readonly record: ClientRecord;
  /** Resolves with its first request; fails where it ends before. */
  readonly started: Promise<void>;
  /** Why it ended, where it did without being asked to. */
  readonly died: () => string | undefined;
  stop(): Promise<void>;
}

/**
 * Starts a client.
 *
 * @param definition who it is
 * @param place where it finds its cluster
 * @param beganAt the time, since the epoch in milliseconds, that its records count from
 */
export function startClient(
  definition: Definition,
  place: Place,
  beganAt: () => number,
): RunningClient {
  const { name, isReanchor } = definition;
  const record: ClientRecord = { name, isReanchor, requests: [], reloads: 0 };
  const [command = "", ...args] = definition.command(place);
  const child: ChildProcess = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that what a launcher starts ends with it.
    detached: process.platform !== "win32",
    env: {
      ...process.env,
      NO_COLOR: "1",
      KUBERNETES_SERVICE_HOST: "127.0.0.1",
      KUBERNETES_SERVICE_PORT: String(place.port),
    },
  });
  let complaints = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-2_000);
  });
  let stopping = false;
  let end: string | undefined;
  const exited = new Promise<void>((resolve) => {
    child.once("exit", (code, signal) => {
      if (!stopping) end = `${name} ended (${signal ?? `code ${code}`}): ${complaints.trim()}`;
      resolve();
    });
  });
  const started = new Promise<void>((resolve, reject) => {
    if (child.stdout === null) return reject(new Error("no output to read"));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const said = JSON.parse(line) as {
        reloaded?: boolean;
        startedAt: number;
        endedAt: number;
        error?: string;
      };
      if (said.reloaded) {
        record.reloads += 1;
        return;
      }
      resolve();
      const began = beganAt();
      const { startedAt, endedAt, error } = said;
      if (startedAt < began) return; // From before everybody had started.
      record.requests.push({ startedAt: startedAt - began, endedAt: endedAt - began, error });
    });
    void exited.then(() => reject(new Error(end ?? "stopped")));
  });
  return {
    record,
    started,
    died: () => end,
    async stop() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      if (process.platform !== "win32" && child.pid !== undefined) process.kill(-child.pid);
      else child.kill();
      await exited;
    },
  };
}
