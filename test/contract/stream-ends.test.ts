/**
 * Streams into pods that are ended at each of their steps: by their signal, by the client's close, and by a cut
 * connection.
 *
 * @module
 */

import { mkdir, mkdtemp, readFile, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { setImmediate } from "node:timers";
import { describe, expect, onTestFinished, test } from "vitest";
import { ClosedError, ConnectionError, type KubeClient } from "../../src/index.ts";
import { Pod, type RemoteCommand } from "../../src/resources/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { TestServer } from "../support/api-server.ts";
import { entry } from "./support/entry.ts";
import { observe, startCluster, timedRuntime, until } from "./support/scene.ts";
import { Steps, stepping } from "./support/steps.ts";

const ends = ["signal", "close", "cut"] as const;
/** What ends an operation: its signal, the client's close, or a lost connection. */
type End = (typeof ends)[number];

/** How long an operation may take once it was ended; far more than it needs. */
const LIMIT_MS = 60_000;
/** More than one record of TLS. */
const CONTENT = "0123456789abcdef".repeat(1_250);
const FILE = "a.txt";
const FILES: readonly string[] = [FILE, "b/c.txt"];

/** What an operation works with. */
interface Scene {
  readonly pods: ReturnType<typeof podsOf>;
  readonly signal: AbortSignal;
  /** A folder with {@link FILES}. */
  readonly local: string;
  /** An empty folder. */
  readonly target: string;
}

function podsOf(kube: KubeClient) {
  return kube.resource(Pod);
}

/** An operation. It fails if it ends without an error and without its whole result. */
type Operation = (scene: Scene) => Promise<void>;

const operations: Readonly<Record<string, Operation>> = {
  async "exec()"({ pods, signal }) {
    await echo(await pods.exec("web", ["cat"], { stdin: "pipe", signal }));
  },
  async "attach()"({ pods, signal }) {
    await echo(await pods.attach("web", { stdin: "pipe", signal }));
  },
  async "execText()"({ pods, signal }) {
    let isCancelled = false;
    const pieces = [CONTENT.slice(0, 1_000), CONTENT.slice(1_000)];
    const stdin = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(piece));
      },
      cancel: () => void (isCancelled = true),
    });
    try {
      const { stdout, code } = await pods.execText("web", ["cat"], { stdin, signal });
      expect(stdout === CONTENT && code === 0).toBe(true);
    } finally {
      // It is the caller's.
      expect({ isLocked: stdin.locked, isCancelled }).toEqual({
        isLocked: false,
        isCancelled: false,
      });
    }
  },
  async "portForward()"({ pods, signal }) {
    const tunnel = await pods.portForward("web", 8080, { halfClose: "forward", signal });
    await echoed(await tunnel.connect());
  },
  async "portForward() with shared connections"({ pods, signal }) {
    const options = { halfClose: "forward", connections: "shared", signal } as const;
    const tunnel = await pods.portForward("web", 8080, options);
    await allSettled([1, 2].map(async () => await echoed(await tunnel.connect())));
  },
  async "portForward() by channels"({ pods, signal }) {
    const tunnel = await pods.portForward("old", 8080, { signal });
    await using connection = await tunnel.connect();
    const { readable, writable } = connection;
    await allSettled([
      (async () => {
        await writable.getWriter().write(new TextEncoder().encode("hello"));
      })(),
      (async () => {
        const { value } = await readable.getReader().read();
        expect(new TextDecoder().decode(value)).toBe("hello");
      })(),
    ]);
  },
  async "listen()"({ pods, signal }) {
    const tunnel = await pods.portForward("web", 8080, { halfClose: "forward", signal });
    const errors: unknown[] = [];
    const listener = await tunnel.listen({ onError: (error) => void errors.push(error) });
    const socket = connect({ host: "127.0.0.1", port: listener.port });
    let heard = "";
    socket.on("data", (data) => (heard += data.toString()));
    socket.on("error", () => {});
    socket.end("hello");
    await new Promise((resolve) => void socket.on("close", resolve));
    if (heard !== "hello") {
      // A local connection can't say why it failed. If the tunnel was ended, the listener closes by itself.
      const next = await outcomeOf(tunnel.connect().then(async (other) => await other.close()));
      if ("reason" in next) {
        await until("the listener is closed", async () => !(await accepts(listener.port)));
        throw next.reason;
      }
    }
    await listener.close();
    expect(await accepts(listener.port)).toBe(false);
    if (heard === "hello") return;
    const lost = new ConnectionError("Cannot forward the connection: it was lost");
    throw errors[0] instanceof Error ? errors[0] : lost;
  },
  async "readFile()"({ pods, signal, local }) {
    const bytes = await pods.readFile("web", join(local, FILE), { signal });
    expect(new TextDecoder().decode(bytes) === CONTENT).toBe(true);
  },
  async "writeFile()"({ pods, signal, target }) {
    const path = join(target, "file");
    await pods.writeFile("web", { path, content: CONTENT, signal });
    expect((await readFile(path, "utf8")) === CONTENT).toBe(true);
  },
  async "copyTo()"({ pods, signal, local, target }) {
    await pods.copyTo("web", { from: local, to: join(target, "to"), signal });
    await checkFiles(join(target, "to"), true);
  },
  async "copyFrom()"({ pods, signal, local, target }) {
    const to = join(target, "to");
    const outcome = await outcomeOf(pods.copyFrom("web", { from: local, to, signal }));
    // Right after it has ended: no file is there that is not whole.
    await checkFiles(to, "value" in outcome);
    if ("reason" in outcome) throw outcome.reason;
  },
};

/** Writes {@link CONTENT} and ends the stream. */
async function writeAll(writable: WritableStream<Uint8Array>): Promise<void> {
  const writer = writable.getWriter();
  writer.closed.catch(() => {}); // It is looked at below.
  await writer.write(new TextEncoder().encode(CONTENT));
  writer.close().catch(() => {}); // Of a stream that has failed, it says no more than that.
  await writer.closed;
}

/** Echoes by `cat`, through to the exit code. */
async function echo(run: RemoteCommand): Promise<void> {
  const [, stdout, , { code }] = await allSettled([
    writeAll(run.stdin),
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exit,
  ] as const);
  expect(stdout === CONTENT && code === 0).toBe(true);
}

/** Echoes by a forwarded connection. */
async function echoed({
  readable,
  writable,
}: {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array>;
}): Promise<void> {
  const [, text] = await allSettled([writeAll(writable), new Response(readable).text()] as const);
  expect(text === CONTENT).toBe(true);
}

/** As `Promise.all()`, but each of them has to end. Several that fail have one reason, unless the connection was cut. */
async function allSettled<T extends readonly Promise<unknown>[]>(
  promises: T,
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  const outcomes = await Promise.allSettled(promises);
  const reasons = new Set(
    outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason as unknown] : [],
    ),
  );
  const areCut = [...reasons].every((reason) => reason instanceof ConnectionError);
  if (reasons.size > 1 && !areCut) {
    throw new Error(`Cannot tell why it failed: ${[...reasons].map(String).join(" | ")}`);
  }
  for (const reason of reasons) throw reason;
  return await Promise.all(promises);
}

/** No file is there that is not whole, and perhaps each one is. */
async function checkFiles(folder: string, areAll: boolean): Promise<void> {
  const names: string[] = await readdir(folder, { recursive: true }).catch(() => []);
  const files = FILES.filter((name) => names.includes(name));
  for (const name of files) {
    expect((await readFile(join(folder, name), "utf8")).length, name).toBe(CONTENT.length);
  }
  if (areAll) expect(files).toEqual(FILES);
  expect(names.filter((name) => !["b", ...FILES].includes(name))).toEqual([]);
}

/** Whether a local port accepts connections. */
async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  socket.destroy();
  return isOpen;
}

type Outcome = { readonly value: unknown } | { readonly reason: unknown };

async function outcomeOf(promise: Promise<unknown>): Promise<Outcome> {
  const [outcome] = await Promise.allSettled([promise]);
  return outcome.status === "fulfilled" ? outcome : { reason: outcome.reason as unknown };
}

/** When an operation is ended: at a step, or after so many turns of the event loop. */
interface Moment {
  readonly unit: "step" | "turn";
  readonly number: number;
}

interface Ending {
  readonly server: TestServer;
  readonly ca: string;
  readonly operate: Operation;
  readonly end: End;
  readonly moment: Moment;
  readonly local: string;
}

/** Runs an operation and ends it at a moment. Returns whether that came before the operation's own end, and how it ended. */
async function endAt({ server, ca, operate, end, moment, local }: Ending): Promise<{
  readonly isEarly: boolean;
  readonly outcome: Outcome;
}> {
  const stop = new AbortController();
  const reason = new Error("enough");
  const acts: Record<End, () => void | Promise<void>> = {
    signal: () => stop.abort(reason),
    close: async () => await kube.close(),
    cut: async () => void (await server.dropConnections()),
  };
  const steps = new Steps(moment.unit === "step" ? moment.number : 0, acts[end]);
  const clock = new ManualClock();
  const runtime = stepping(timedRuntime(clock), steps);
  const config = { server: server.origin, ca: entry.staticCaSource(ca) };
  const { kube } = await observe(runtime, { config });
  const target = await temporaryFolder();
  const pods = podsOf(kube);
  let isOver = false;
  const operation = outcomeOf(operate({ pods, signal: stop.signal, local, target })).finally(
    () => (isOver = true),
  );
  let isEarly = moment.unit === "turn";
  if (moment.unit === "turn") {
    for (let turn = 0; turn < moment.number && !isOver; turn += 1) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    isEarly = !isOver;
    if (isEarly) await acts[end]();
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Cannot wait any longer for its end")), LIMIT_MS);
  });
  const outcome = await Promise.race([operation, late]).finally(() => clearTimeout(timer));
  if (moment.unit === "step") isEarly = steps.hasActed;
  await steps.settled();
  if ("reason" in outcome) {
    if (end === "signal") expect(outcome.reason, String(outcome.reason)).toBe(reason);
    else {
      const expected = end === "close" ? ClosedError : ConnectionError;
      expect(outcome.reason, String(outcome.reason)).toBeInstanceOf(expected);
    }
    if (!isEarly) throw outcome.reason;
  }
  await until("no connection is open", async () => (await server.stats()).open === 0);
  await until("no timer is left", () => clock.pending === 0);
  await until("no file is open", async () => !(await openFiles()).some(isOf(local, target)));
  await kube.close();
  await rm(target, { recursive: true });
  return { isEarly, outcome };
}

/** The paths of the files that this process has open, where the system tells. */
async function openFiles(): Promise<string[]> {
  const place = "/proc/self/fd";
  const names = await readdir(place).catch(() => []);
  return await Promise.all(names.map((name) => readlink(join(place, name)).catch(() => "")));
}

function isOf(...folders: readonly string[]): (path: string) => boolean {
  return (path) => folders.some((folder) => path.startsWith(folder));
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "reanchor-ends-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A server, a folder with files, and what nobody has handled. */
async function start() {
  const { ca, server } = await startCluster();
  const local = await temporaryFolder();
  for (const name of FILES) {
    await mkdir(dirname(join(local, name)), { recursive: true });
    await writeFile(join(local, name), CONTENT);
  }
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);
  onTestFinished(() => void process.off("unhandledRejection", onUnhandled));
  return { server, ca: ca.pem, local, unhandled };
}

describe.each(Object.entries(operations))("%s", (_, operate) => {
  test.each(ends)("leaves nothing when it is ended by %s at any step", async (end) => {
    const { unhandled, ...scene } = await start();
    let failures = 0;
    for (let number = 1; ; number += 1) {
      const moment = { unit: "step", number } as const;
      const { isEarly, outcome } = await endAt({ ...scene, operate, end, moment }).catch(
        (cause: unknown) => {
          throw new Error(`Cannot end it at step ${number}: ${String(cause)}`, { cause });
        },
      );
      if (!isEarly) break;
      if ("reason" in outcome) failures += 1;
    }
    expect(failures).toBeGreaterThan(0);
    expect(unhandled).toEqual([]);
  });

  test("leaves nothing when it is ended by its signal at any turn of the event loop", async () => {
    const { unhandled, ...scene } = await start();
    for (let number = 0; ; number += 1 + Math.floor(number / 2)) {
      const moment = { unit: "turn", number } as const;
      const { isEarly } = await endAt({ ...scene, operate, end: "signal", moment }).catch(
        (cause: unknown) => {
          throw new Error(`Cannot end it at turn ${number}: ${String(cause)}`, { cause });
        },
      );
      if (!isEarly) break;
    }
    expect(unhandled).toEqual([]);
  });
});
