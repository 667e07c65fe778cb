/**
 * Starts, observes and ends a client's process.
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
  /** Resolves with the runtime's name and version once it has loaded. Rejects if it ends before that. */
  readonly ready: Promise<string>;
  /** Lets it start its requests. */
  go(): void;
  /** Asks it to end, and kills it if it does not. Returns whether it ended by itself. */
  stop(): Promise<boolean>;
  /** Kills it. */
  kill(): void;
}

/** Receives the messages and events of a process. */
export interface ClientListener {
  message(message: Message): void;
  /** Called when it has ended by itself. */
  died(how: string): void;
}

/**
 * Starts a client.
 *
 * @param command the program and its arguments
 * @param port its server's
 * @param listener receives its messages
 */
export function startClient(
  [program = "", ...args]: readonly string[],
  port: number,
  listener: ClientListener,
): ClientProcess {
  const child = spawn(program, args, {
    env: environment(port),
    stdio: ["pipe", "pipe", "pipe"],
    // A process group of its own: Ctrl-C is handled by the demo, which ends its clients itself.
    detached: process.platform !== "win32",
  });
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
  ready.catch(() => {}); // Reported to the caller that awaits it, which may be later.
  let isStopping = false;
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-STDERR_CHARACTERS);
  });
  child.stdin.on("error", () => {}); // It has ended, which is reported below.
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
  // Not `exit`: by the time of `close`, its last output has been read.
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
      // A launcher's child shares this standard input, and ends when it ends.
      child.stdin.destroy();
    },
  };
}

function hasEnded({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null || pid === undefined;
}

/** Only what is needed: no proxy, no kubeconfig and no certificate store of the host. */
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
    return undefined; // Not one of our messages: output of a library.
  }
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-6).join("\n");
}
