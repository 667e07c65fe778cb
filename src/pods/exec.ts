/**
 * Runs commands in containers, and attaches to the ones that run.
 *
 * @module
 */

import type { KubeObject } from "../api/object.ts";
import type { ObjectTarget } from "../api/object-target.ts";
import { ConnectionError } from "../errors.ts";
import { checkKnown } from "../options.ts";
import { ExecError, type ExecResult } from "../api/exec-error.ts";
import { openWebSocket } from "./open-web-socket.ts";
import {
  EndlessStdinError,
  type RemoteCommand,
  commandProtocols,
  runCommand,
} from "./remote-command.ts";

/** How a container's process is connected to. */
export interface AttachOptions {
  /** The container; needed if a pod has several and none is the default one. */
  container?: string | undefined;
  /** `"pipe"` connects standard input. Without it, the process reads nothing. */
  stdin?: "pipe" | undefined;
  /**
   * Whether standard output is sent. If so, it has to be read.
   *
   * @default true
   */
  stdout?: boolean | undefined;
  /**
   * Whether standard error is sent. If so, it has to be read. A terminal has none: it is part of standard output.
   *
   * @default true, but false with `tty`
   */
  stderr?: boolean | undefined;
  /**
   * Whether the process has a terminal.
   *
   * @default false
   */
  tty?: boolean | undefined;
  /** Ends the connection at once, at any time. */
  signal?: AbortSignal | undefined;
  /** How long opening the connection may take, in milliseconds; the client's `timeoutMs` by default. */
  timeoutMs?: number | undefined;
}

/** How a command is run. */
export interface ExecOptions extends AttachOptions {}

/** How a command is run whose output is wanted as text. */
export interface ExecTextOptions {
  /** The container; needed if a pod has several and none is the default one. */
  container?: string | undefined;
  /**
   * What the command reads on standard input. Without it, it reads nothing. A stream of which the command does not
   * read everything is left as it is: not cancelled, and free to be read further.
   */
  stdin?: string | Uint8Array | ReadableStream<Uint8Array> | undefined;
  /**
   * Whether another exit code than 0 is an error.
   *
   * @default false
   */
  check?: boolean | undefined;
  /**
   * The most bytes that standard output and standard error may have each.
   *
   * @default 16_777_216 (16 MiB)
   */
  maxOutputBytes?: number | undefined;
  /** Ends the connection at once, at any time. */
  signal?: AbortSignal | undefined;
  /** How long opening the connection may take, in milliseconds; the client's `timeoutMs` by default. */
  timeoutMs?: number | undefined;
}

const attachOptionNames: readonly string[] = [
  "container",
  "stdin",
  "stdout",
  "stderr",
  "tty",
  "signal",
  "timeoutMs",
];
const execTextNames: readonly (keyof ExecTextOptions)[] = [
  "container",
  "stdin",
  "check",
  "maxOutputBytes",
  "signal",
  "timeoutMs",
];
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Runs a command in a container.
 *
 * @param pod The pod.
 * @param command The program and its arguments; no shell is in between.
 * @throws {ApiError} if the server rejects it before the command starts.
 */
export async function exec<T extends KubeObject>(
  pod: ObjectTarget<T>,
  command: readonly string[],
  options: ExecOptions,
): Promise<RemoteCommand> {
  checkKnown("exec", options, attachOptionNames);
  if (!Array.isArray(command) || command.length === 0) {
    throw new TypeError(
      'Cannot run a command: give the program and its arguments as an array, such as ["ls", "-l"]',
    );
  }
  return await start(pod.below("exec"), command, options);
}

/**
 * Attaches to the process that a container runs.
 *
 * @param pod The pod.
 * @throws {ApiError} if the server rejects it.
 */
export async function attach<T extends KubeObject>(
  pod: ObjectTarget<T>,
  options: AttachOptions,
): Promise<RemoteCommand> {
  checkKnown("attach", options, attachOptionNames);
  return await start(pod.below("attach"), [], options);
}

/**
 * Runs a command to its end, and returns what it wrote.
 *
 * @param pod The pod.
 * @throws {ExecError} if its exit code is not 0 and `check` is set.
 */
export async function execText<T extends KubeObject>(
  pod: ObjectTarget<T>,
  command: readonly string[],
  given: ExecTextOptions,
): Promise<ExecResult> {
  checkKnown("execText", given, execTextNames);
  const { stdin, check = false, maxOutputBytes = MAX_OUTPUT_BYTES, ...options } = given;
  if (!Number.isInteger(maxOutputBytes) && maxOutputBytes !== Number.POSITIVE_INFINITY) {
    throw new RangeError("Cannot use option maxOutputBytes: it is no whole number of bytes");
  }
  const input = stdin === undefined ? undefined : "pipe";
  const run = await exec(pod, command, { ...options, stdin: input });
  const feeding = stdin === undefined ? undefined : feed(run, stdin);
  let result: ExecResult;
  try {
    const [stdout, stderr, { code }] = await Promise.all([
      readOutput(run.stdout, "standard output", maxOutputBytes),
      readOutput(run.stderr, "standard error", maxOutputBytes),
      run.exit,
      feeding,
    ]);
    result = { stdout, stderr, code };
  } finally {
    await run.close();
    await feeding?.catch(() => {}); // It has told.
  }
  if (check && result.code !== 0) {
    throw new ExecError(`Cannot run ${command[0]} in ${pod.describe()}`, result);
  }
  return result;
}

/**
 * Sends a command all that it is to read, or as much as it wants. The stream is released then, and not cancelled: it is
 * the caller's.
 *
 * @throws {EndlessStdinError} if all of it was sent, and the server can't let the command know that.
 */
export async function feed(
  run: RemoteCommand,
  stdin: string | Uint8Array | ReadableStream<Uint8Array>,
): Promise<void> {
  const reader = (stdin instanceof ReadableStream ? stdin : streamOf(stdin)).getReader();
  // Once the command has ended, nobody waits for a stream that goes on. Its exit code says whether that is well.
  const ended = run.exit.then(
    () => {},
    () => {},
  );
  try {
    await Promise.race([pump(reader, run.stdin.getWriter(), ended), ended]);
  } finally {
    reader.releaseLock();
  }
}

async function pump(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  ended: Promise<void>,
): Promise<void> {
  writer.closed.catch(() => {}); // Each write tells.
  for (;;) {
    const next = await reader.read().catch(async (error: unknown) => {
      await writer.abort(error).catch(() => {});
      throw error;
    });
    try {
      if (!next.done) await writer.write(next.value);
      else return await writer.close();
    } catch (error) {
      if (error instanceof EndlessStdinError) throw error;
      // A command may end before it has read everything.
      return await ended;
    }
  }
}

function streamOf(content: string | Uint8Array): ReadableStream<Uint8Array> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

async function start(
  { client, path }: ObjectTarget<KubeObject>,
  command: readonly string[],
  options: AttachOptions,
): Promise<RemoteCommand> {
  const { container, tty = false, signal, timeoutMs } = options;
  const { stdout = true, stderr = !tty } = options;
  if (options.stdin !== undefined && options.stdin !== "pipe") {
    throw new TypeError('Cannot use option stdin: it is "pipe", or it is left out');
  }
  if (tty && options.stderr === true) {
    throw new TypeError("Cannot use option stderr with tty: a terminal has standard output alone");
  }
  const streams = { stdin: options.stdin === "pipe", stdout, stderr, tty };
  if (!streams.stdin && !stdout && !stderr) {
    throw new TypeError("Cannot connect to a process without any of stdin, stdout and stderr");
  }
  const query = new URLSearchParams(command.map((word) => ["command", word]));
  if (container !== undefined) query.set("container", container);
  for (const [stream, isRequested] of Object.entries(streams)) {
    if (isRequested) query.set(stream, "true");
  }
  const call = { path: `${path}?${query}`, signal, timeoutMs };
  const { socket, protocol } = await openWebSocket(client, call, commandProtocols);
  return runCommand({
    socket,
    protocol,
    clock: client.clock,
    path,
    signal: signal === undefined ? client.closing : AbortSignal.any([client.closing, signal]),
    streams,
  });
}

async function readOutput(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  what: string,
  maxBytes: number,
): Promise<string> {
  const decoder = new TextDecoder();
  const reader = output.getReader();
  let text = "";
  for (let size = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > maxBytes) {
      throw new ConnectionError(
        `Cannot run the command: its ${what} has more than ${maxBytes} bytes (maxOutputBytes); read it as a stream, by exec()`,
      );
    }
    text += decoder.decode(value, { stream: true });
  }
}
