/**
 * What a container has written.
 *
 * @module
 */

import { orAborted, sleep } from "../abort.ts";
import { cleanCause } from "../clean-cause.ts";
import { cleanName } from "../clean-text.ts";
import { ClosedError, ConnectionError, ReanchorError, TimeoutError } from "../errors.ts";
import { notify } from "../events.ts";
import { checkDuration, checkKnown, timeLimit } from "../options.ts";
import { ApiError } from "../api/api-error.ts";
import { Backoff } from "../backoff.ts";
import { LineSplitter } from "../api/lines.ts";
import { LogPosition } from "./log-position.ts";
import type { KubeObject } from "../api/object.ts";
import type { ObjectTarget } from "../api/object-target.ts";
import { uncompressed } from "../api/lines.ts";

/** Which part of a log. */
export interface LogOptions {
  /** Which container; required if the pod has several. */
  container?: string | undefined;
  /** Whether it is that of the container before, which has ended. */
  previous?: boolean | undefined;
  /** Only so many of the last lines. */
  tailLines?: number | undefined;
  /** Only what is younger than this, in seconds. */
  sinceSeconds?: number | undefined;
  /** Only what was written since then, by RFC 3339. */
  sinceTime?: string | undefined;
  /** Whether each line begins with the time at which it was written. */
  timestamps?: boolean | undefined;
  /** Ends it. */
  signal?: AbortSignal | undefined;
}

/** Which part of a log is read as one text. */
export interface LogTextOptions extends LogOptions {
  /** How long it may stall, in milliseconds; the client's `timeoutMs` by default. */
  timeoutMs?: number | undefined;
  /** The most bytes that it may have; the client's `maxResponseBytes` by default. */
  maxResponseBytes?: number | undefined;
}

/** Which part of a log, and whether to wait for more. */
export interface LogLinesOptions extends LogOptions {
  /**
   * Whether lines that are written later are returned too, until the container ends. After a lost connection the
   * log is resumed: no line comes twice, and none is left out.
   *
   * @default false
   */
  follow?: boolean | undefined;
  /**
   * Whether to wait for a container that has not started yet, which the API server rejects with 400 otherwise.
   *
   * @default false
   */
  waitForStart?: boolean | undefined;
  /**
   * How long `waitForStart` waits, in milliseconds.
   *
   * @default 300_000
   */
  startTimeoutMs?: number | undefined;
}

/** The longest line that is read; the kubelet splits lines at 16 kB, and the API server joins them. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** How often a pod is looked at that has not started. */
const START_INTERVAL_MS = 1_000;

const optionNames: readonly string[] = [
  "container",
  "previous",
  "tailLines",
  "sinceSeconds",
  "sinceTime",
  "timestamps",
  "signal",
];

/** Names of {@link LogLinesOptions}. */
export const logLinesOptionNames: readonly string[] = [
  ...optionNames,
  "follow",
  "waitForStart",
  "startTimeoutMs",
];

/** Options that the API server knows nothing of. */
const ownOptions: ReadonlySet<string> = new Set(["waitForStart", "startTimeoutMs"]);

/** The log as it is now, as text. */
export async function readLog<T extends KubeObject>(
  pod: ObjectTarget<T>,
  options: LogTextOptions,
): Promise<string> {
  checkKnown("logText", options, [...optionNames, "timeoutMs", "maxResponseBytes"]);
  const { signal, timeoutMs, maxResponseBytes, ...query } = options;
  const { client, path } = pod.below("log");
  return await client.text({
    method: "GET",
    path,
    query: { ...query },
    headers: { ...uncompressed, accept: "*/*" },
    signal,
    timeoutMs,
    maxResponseBytes,
  });
}

/** The log line by line. */
export async function* logLines<T extends KubeObject>(
  pod: ObjectTarget<T>,
  options: LogLinesOptions,
): AsyncGenerator<string, void, undefined> {
  checkKnown("logs", options, logLinesOptionNames);
  const { follow = false, timestamps = false, waitForStart = false } = options;
  const { client } = pod;
  const signals = [client.closing, ...(options.signal === undefined ? [] : [options.signal])];
  const signal = AbortSignal.any(signals);
  const { path } = pod.below("log");
  if (waitForStart) await untilStarted(pod, { ...options, signal });
  if (!follow) {
    const response = await openLog(pod, { ...options, signal });
    for await (const { text } of readLines(response, path, signal)) yield text;
    return;
  }
  const position = new LogPosition(timestamps);
  const backoff = new Backoff(client.clock);
  /** What follows the last line's end. */
  let unfinished: string | undefined;
  /** Whether all that was requested last has come, and nothing has been requested since. */
  let isComplete = false;
  for (let hasBegun = false; ;) {
    let toldSome = false;
    try {
      const response = await openLog(pod, { ...options, signal }, position.resume());
      hasBegun = true;
      isComplete = false;
      unfinished = undefined;
      for await (const { text, isWhole } of readLines(response, path, signal)) {
        if (!isWhole) unfinished = text;
        const line = isWhole ? position.advance(text) : undefined;
        if (line === undefined) continue;
        toldSome = true;
        backoff.reset();
        yield line;
      }
      // A server that shuts down ends a log as a container does: the end is where there is no more.
      if (toldSome) {
        isComplete = true;
        continue;
      }
      if (!(await isRunning(pod, { ...options, signal }))) break;
      throw new ConnectionError(
        `Cannot follow ${path}: the server ended it, though the container runs`,
      );
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const isGone = error instanceof ApiError && error.status === 404;
      if (isComplete && isGone) break; // The pod was deleted, which ended the log.
      const isMendable = error instanceof ReanchorError && !(error instanceof ClosedError);
      if (!hasBegun || !isMendable) throw error;
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
      const delayMs = backoff.next();
      notify(client.onEvent, { type: "watch-interrupted", path, error, delayMs });
      await sleep(client.clock, delayMs, signal);
    }
  }
  const last = unfinished === undefined ? undefined : position.advance(unfinished);
  if (last !== undefined) yield last;
}

/** What is read of a pod's status. */
interface ContainerStatus {
  readonly name?: string;
  readonly state?: {
    readonly running?: object | null;
    readonly terminated?: object | null;
    readonly waiting?: { readonly reason?: string } | null;
  };
}

/** The statuses of a container, or of all if none is named. */
async function statusesOf<T extends KubeObject>(
  pod: ObjectTarget<T>,
  { container, signal }: LogOptions,
): Promise<ContainerStatus[]> {
  const { client, path } = pod;
  const { status } = await client.call<{ status?: Record<string, unknown> }>({
    method: "GET",
    path,
    signal,
  });
  return ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]
    .flatMap((field) => (status?.[field] ?? []) as ContainerStatus[])
    .filter((one) => container === undefined || one.name === container);
}

/** Whether a container is still running, as far as the pod's status says. */
async function isRunning<T extends KubeObject>(
  pod: ObjectTarget<T>,
  options: LogOptions,
): Promise<boolean> {
  try {
    const statuses = await statusesOf(pod, options);
    return statuses.some(({ state }) => isSet(state?.running));
  } catch (error) {
    // The pod is gone, or may not be looked at.
    if (error instanceof ApiError && error.status < 500) return false;
    throw error;
  }
}

/** Waits until a container has started, whether or not it has ended since. */
async function untilStarted<T extends KubeObject>(
  pod: ObjectTarget<T>,
  options: LogLinesOptions,
): Promise<void> {
  const { clock } = pod.client;
  const limit = checkDuration("startTimeoutMs", options.startTimeoutMs, timeLimit) ?? 300_000;
  const end = clock.now() + limit;
  for (;;) {
    const statuses = await statusesOf(pod, options);
    if (statuses.some(({ state }) => isSet(state?.running) || isSet(state?.terminated))) return;
    if (clock.now() >= end) {
      const reason = statuses.find(({ state }) => state?.waiting?.reason)?.state?.waiting?.reason;
      const last = cleanName(reason ?? "the pod has no container status");
      throw new TimeoutError(
        `Cannot read the log of ${pod.describe()}: no container started within ${limit} ms (startTimeoutMs); last seen: ${last}`,
      );
    }
    await sleep(clock, START_INTERVAL_MS, options.signal);
  }
}

function isSet(state: object | null | undefined): boolean {
  return state !== undefined && state !== null;
}

async function openLog<T extends KubeObject>(
  pod: ObjectTarget<T>,
  { signal, ...options }: LogLinesOptions,
  resume: Readonly<Record<string, string | undefined>> = {},
): Promise<Response> {
  const { client, path } = pod.below("log");
  const parameters = new URLSearchParams();
  for (const [parameter, value] of Object.entries({ ...options, ...resume })) {
    if (value === undefined || ownOptions.has(parameter)) continue;
    parameters.set(parameter, String(value));
  }
  const init = { headers: uncompressed, ...(signal !== undefined && { signal }) };
  return await client.open(`${path}?${parameters}`, init);
}

interface Line {
  readonly text: string;
  /** Whether its end has come. */
  readonly isWhole: boolean;
}

/** Reads a log to its end, or until the signal: no line comes after that, though it has been received. */
async function* readLines(
  response: Response,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Line, void, undefined> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const lines = new LineSplitter(MAX_LINE_BYTES);
  try {
    for (;;) {
      const { done, value } = await orAborted(reader.read(), signal);
      if (done) break;
      for (const text of lines.push(value)) {
        signal.throwIfAborted();
        yield { text, isWhole: true };
      }
    }
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (cause instanceof RangeError) {
      const limit = `a line is longer than ${MAX_LINE_BYTES} bytes`;
      throw new RangeError(`Cannot read ${path}: ${limit}; read it in pieces with kube.fetch`, {
        cause,
      });
    }
    throw new ConnectionError("Cannot read the log: the connection was lost", {
      cause: cleanCause(cause),
    });
  } finally {
    reader.cancel().catch(() => {});
  }
  signal.throwIfAborted();
  const text = lines.rest();
  if (text !== "") yield { text, isWhole: false };
}
