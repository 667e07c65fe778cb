/**
 * A client's process: started, listened to, ended.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Message } from "./protocol.ts";

const STOP_MS = 3_000;
const STDERR_CHARACTERS = 2_000;

/** A client's process. */
export interface ClientProcess {
  /** Resolves with the runtime's name and version once it has loaded; rejects where it ends before. */
  readonly ready: Promise<string>;
  /** Lets it begin. */
  go(): void;
  /** Tells it to end, and ends it where it does not. Says whether it did by itself. */
  stop(): Promise<boolean>;
  /** Ends it at once. */
  kill(): void;
}

/** Receives what a process says and does. */
export interface ClientListener {
  message(message: Message): void;
  /** It has ended by itself. */
  died(how: string): void;
}

/**
 * Starts a client.
 *
 * @param command the program and its arguments
 * @param port its server's
 * @param listener receives that
 */
export function startClient(
  [program = "", ...args]: readonly string[],
  port: number,
  listener: ClientListener,
): ClientProcess {
  const child = spawn(program, args, {
    env: environment(port),
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own: Ctrl-C is the demo's to take, and it ends its clients itself.
    detached: process.platform !== "win32",
  });
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
  ready.catch(() => {}); // Whoever waits is told; it may have died first.
  let isStopping = false;
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-STDERR_CHARACTERS);
  });
  child.stdin.on("error", () => {}); // It has gone, which is told below.
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = parse(line);
    if (message?.type === "ready") resolve(message.runtime);
    if (message !== undefined) listener.message(message);
  });

  function end(how: string): void {
    if (isStopping) return;
    isStopping = true;
    const text = complaint.trim() === "" ? how : `${how}: ${lastLines(complaint)}`;
    reject(new Error(text));
    listener.died(text);
  }

  child.once("error", (error) => end(error.message));
  // Not `exit`: what it last wrote has been read by now.
  child.once("close", (code, signal) => {
    end(signal === null ? `with exit code ${code}` : `by ${signal}`);
  });

  return {
    ready,
    go: () => void child.stdin.write("go\n"),
    async stop() {
      isStopping = true;
      if (hasEnded(child)) return true;
      const ended = once(child, "close");
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await ended;
      clearTimeout(timer);
      return child.signalCode === null;
    },
    kill() {
      isStopping = true;
      child.kill("SIGKILL");
      // A launcher's own child has the same standard input, and ends by it.
      child.stdin.destroy();
    },
  };
}

function hasEnded({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null || pid === undefined;
}

/** Just what is needed: no proxy, no kubeconfig and no certificate store of the host's. */
function environment(port: number): Record<string, string> {
  const kept = ["PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "SystemRoot", "USERPROFILE", "TEMP"];
  const env: Record<string, string> = {};
  for (const name of kept) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return {
    ...env,
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
    KUBERNETES_SERVICE_HOST: "127.0.0.1",
    KUBERNETES_SERVICE_PORT: String(port),
  };
}

function parse(line: string): Message | undefined {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return undefined; // Not ours: a library that prints.
  }
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-6).join("\n");
}
