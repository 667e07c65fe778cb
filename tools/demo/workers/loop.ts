/**
 * The loop that every client of the demo runs, on every runtime: it sends requests at an interval, and prints
 * a line about each.
 *
 * @module
 */

import process from "node:process";
import type { Message } from "../protocol.ts";

const INTERVAL_MS = 40;
/** A request that takes this long counts as failed, and the next one begins. */
const TIMEOUT_MS = 5_000;

/** Sends a message to the demo. */
export function say(message: Message): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/**
 * Reports that the client is ready, waits for `go`, then sends one request after the other until the standard
 * input ends. It also ends when the demo has ended.
 *
 * @param request sends one request, and throws if it fails
 */
export async function loop(request: () => Promise<unknown>): Promise<void> {
  let stopped = false;
  let goOn = (): void => {};
  const go = new Promise<void>((resolve) => {
    process.stdin.once("data", () => resolve());
    process.stdin.once("end", () => {
      stopped = true;
      resolve();
      goOn();
    });
  });
  say({ type: "ready", runtime: runtimeName() });
  await go;
  while (!stopped) {
    const startedAt = Date.now();
    try {
      await withTimeout(request());
      say({ type: "request", startedAt, endedAt: Date.now(), ok: true });
    } catch (error) {
      say({ type: "request", startedAt, endedAt: Date.now(), ok: false, code: codeOf(error) });
    }
    const waitMs = startedAt + INTERVAL_MS - Date.now();
    await new Promise<void>((resolve) => {
      goOn = resolve;
      setTimeout(resolve, Math.max(waitMs, 0));
    });
  }
}

async function withTimeout(request: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("TIMEOUT")), TIMEOUT_MS);
  });
  try {
    await Promise.race([request, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** The most informative word of an error: the innermost code, otherwise the message. */
function codeOf(error: unknown): string {
  let code = "";
  let message = String(error);
  // `isomorphic-ws` rejects with an event that contains the error.
  for (let at = error, depth = 0; isObject(at) && depth < 8; depth += 1) {
    if (typeof at["code"] === "string") code = at["code"];
    if (typeof at["message"] === "string" && at["message"] !== "") message = at["message"];
    at = at["cause"] ?? at["error"];
  }
  return code === "" ? message : code;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Deno and Bun also report a Node version, for compatibility. Their own comes first. */
function runtimeName(): string {
  const { deno, bun, node } = process.versions as Record<string, string | undefined>;
  if (deno !== undefined) return `Deno ${deno}`;
  if (bun !== undefined) return `Bun ${bun}`;
  return `Node ${node}`;
}
