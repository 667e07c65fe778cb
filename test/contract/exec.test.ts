/**
 * Streams into pods: how they end, backpressure in both directions, and the same trust as all other requests.
 *
 * @module
 */

import { expect, onTestFinished, test } from "vitest";
import { ApiError, ConnectionError, UntrustedServerError } from "../../src/index.ts";
import { ExecError, Pod, type RemoteCommand } from "../../src/resources/index.ts";
import { bindFileCaSource } from "../../src/sources/ca-source.ts";
import type { TestServer } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import {
  connectClient,
  connectTimed,
  createVolume,
  rejection,
  startCluster,
  until,
} from "./support/scene.ts";

const MB = 1024 * 1024;

/** A server, and the pods of a client. */
async function startPods() {
  const { ca, server } = await startCluster({ token: "token-1" });
  const config = {
    server: server.origin,
    ca: entry.staticCaSource(ca.pem),
    token: entry.functionTokenSource(() => "token-1"),
  };
  const { kube } = await connectClient({ config });
  return { server, kube, pods: kube.resource(Pod) };
}

/** How much of a flood has been sent once it stops growing. */
async function settledStream(server: TestServer): Promise<number> {
  for (let last = -1; ;) {
    const { streamed } = await server.stats();
    if (streamed === last && streamed > 0) return streamed;
    last = streamed;
    await new Promise((resolve) => void setTimeout(resolve, 300));
  }
}

/** Every connection is closed. */
async function noneOpen(server: TestServer): Promise<void> {
  await until("no connection is open", async () => (await server.stats()).open === 0);
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream).text();
}

test("exec() returns what the command writes, and its exit code", async () => {
  const { pods } = await startPods();
  const run = await pods.exec("web", ["exit", "3"]);
  expect(await readAll(run.stdout)).toBe("out\n");
  expect(await readAll(run.stderr)).toBe("err\n");
  expect(await run.exit).toEqual({ code: 3 });
});

test("execText() returns both outputs and the code, and throws ExecError when asked to check", async () => {
  const { pods } = await startPods();
  expect(await pods.execText("web", ["exit", "0"])).toEqual({
    stdout: "out\n",
    stderr: "err\n",
    code: 0,
  });
  const error = await rejection(pods.execText("web", ["exit", "7"], { check: true }));
  expect(error).toBeInstanceOf(ExecError);
  expect(error).toMatchObject({ exitCode: 7, stdout: "out\n", stderr: "err\n" });
  expect((error as Error).message).toBe(
    "Cannot run exit in Pod default/web: it ended with exit code 7: err",
  );
});

test("execText() sends its input completely", async () => {
  const { pods } = await startPods();
  const input = "ab".repeat(MB);
  const { stdout, code } = await pods.execText("web", ["cat"], { stdin: input });
  expect(stdout === input).toBe(true);
  expect(code).toBe(0);
});

test("execText() returns the exit code of a command that ends before it has read its input", async () => {
  const { pods } = await startPods();
  for (let index = 0; index < 20; index += 1) {
    const stdin = new Uint8Array(20 * MB).fill(97);
    const { stdout, code } = await pods.execText("web", ["head"], { stdin });
    expect({ stdout, code }).toEqual({ stdout: "aaaaa", code: 0 });
  }
});

test.each(["reset", "closed"])(
  "exec() returns the output and the exit code that arrived before the connection was %s with unread input",
  async (how) => {
    const { pods, server } = await startPods();
    for (let round = 0; round < 3; round += 1) {
      const run = await pods.exec("web", ["leave", how], { stdin: "pipe" });
      const outputs = Promise.all([readAll(run.stdout), readAll(run.stderr)]);
      outputs.catch(() => {}); // It is awaited below.
      const writer = run.stdin.getWriter();
      writer.closed.catch(() => {}); // Each write fails too.
      await writer.write(new Uint8Array(64 * 1024)).catch(() => {}); // The server may have left.
      // While this process is busy, all of it arrives. The next write fails before anything is read.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      const writing = rejection(writeForEver(writer));
      expect(await outputs).toEqual(["x".repeat(40 * 1024), "err\n"]);
      expect(await run.exit).toEqual({ code: 7 });
      expect(await writing).toBeInstanceOf(ConnectionError);
    }
    await noneOpen(server);
  },
);

async function writeForEver(writer: WritableStreamDefaultWriter<Uint8Array>): Promise<never> {
  for (;;) await writer.write(new Uint8Array(64 * 1024));
}

test("execText() waits for no input, and leaves the caller's stream alone, when the command has ended", async () => {
  const { pods } = await startPods();
  let isCancelled = false;
  const cancel = (): void => void (isCancelled = true);
  const late = Promise.withResolvers<void>();
  const silent = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await late.promise;
      controller.enqueue(Uint8Array.of(1));
    },
    cancel,
  });
  expect(await pods.execText("web", ["exit", "3"], { stdin: silent })).toMatchObject({ code: 3 });
  const flooding = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(97)),
    cancel,
  });
  const { stdout, code } = await pods.execText("web", ["head"], { stdin: flooding });
  expect({ stdout, code }).toEqual({ stdout: "aaaaa", code: 0 });
  const unread = new ReadableStream<Uint8Array>({ pull: () => late.promise, cancel });
  const tooLong = pods.execText("web", ["flood"], { stdin: unread, maxOutputBytes: 1_000 });
  expect(String(await rejection(tooLong))).toMatch(
    /its standard output has more than 1000 bytes \(maxOutputBytes\); read it as a stream/,
  );
  expect([silent, flooding, unread].map(({ locked }) => locked)).toEqual([false, false, false]);
  expect(isCancelled).toBe(false);
  // Nothing of it is lost.
  late.resolve();
  expect((await silent.getReader().read()).value).toEqual(Uint8Array.of(1));
  expect((await flooding.getReader().read()).value?.length).toBe(64 * 1024);
});

test("execText() rejects with the error of its input, and ends the command", async () => {
  const { server, pods } = await startPods();
  const reason = new Error("no more");
  const stdin = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(reason) });
  expect(await rejection(pods.execText("web", ["cat"], { stdin }))).toBe(reason);
  expect(stdin.locked).toBe(false);
  await noneOpen(server);
});

test("attach() connects to the running process", async () => {
  const { pods } = await startPods();
  const session = await pods.attach("web", { stdin: "pipe" });
  const writer = session.stdin.getWriter();
  await writer.write(new TextEncoder().encode("hello"));
  await writer.close();
  expect(await readAll(session.stdout)).toBe("hello");
  expect(await session.exit).toEqual({ code: 0 });
});

test("exec() sends the size of the terminal", async () => {
  const { pods } = await startPods();
  const run = await pods.exec("web", ["terminal"], { tty: true, stdin: "pipe" });
  await run.resize({ columns: 120, rows: 40 });
  expect(await readAll(run.stdout)).toBe('{"Width":120,"Height":40}');
  await run.exit;
});

test("exec() slows down a command whose output is not read", async () => {
  const { server, pods } = await startPods();
  const run = await pods.exec("web", ["flood"], { stderr: false });
  expect(await settledStream(server)).toBeLessThan(64 * MB);
  const reader = run.stdout.getReader();
  for (let size = 0; size < 80 * MB;) {
    const { value } = await reader.read();
    size += value?.length ?? Number.NaN;
  }
  expect((await server.stats()).streamed).toBeGreaterThan(80 * MB);
  await run.close();
  await noneOpen(server);
});

test("exec() slows its caller down when the command does not read", async () => {
  const { server, pods } = await startPods();
  const run = await pods.exec("web", ["ignore"], { stdin: "pipe" });
  await server.held("ignore");
  const writer = run.stdin.getWriter();
  const piece = new Uint8Array(256 * 1024);
  let taken = 0;
  let isStuck = false;
  while (!isStuck && taken < 128 * MB) {
    const pause = new Promise<boolean>((resolve) => void setTimeout(() => resolve(true), 2_000));
    isStuck = await Promise.race([writer.write(piece).then(() => false), pause]);
    taken += piece.length;
  }
  expect(taken).toBeLessThan(64 * MB);
  // Reading continues all the same: the command echoes everything once it reads.
  const read = readAll(run.stdout);
  await server.release("ignore");
  await writer.close();
  expect((await read).length).toBe(taken);
  expect(await run.exit).toEqual({ code: 0 });
});

test("exec() leaves other events their turns while it sends to a command that reads fast", async () => {
  const { pods } = await startPods();
  const run = await pods.exec("web", ["cat"], { stdin: "pipe" });
  const writer = run.stdin.getWriter();
  const read = readAll(run.stdout);
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  for (let sent = 0; sent < 20 * MB; sent += MB) await writer.write(new Uint8Array(MB));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(10);
  await writer.close();
  expect((await read).length).toBe(20 * MB);
});

test("exec() fails when an output that was requested is never read", async () => {
  const { ca, server } = await startCluster();
  const { kube, clock } = await connectTimed(() => ({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
  }));
  const run = await kube.resource(Pod).exec("web", ["complain", String(8 * MB)]);
  const read = rejection(readAll(run.stdout));
  const ended = rejection(run.exit);
  const isOver = Promise.all([read, ended]).then(() => true);
  while (!(await Promise.race([isOver, nextTurn()]))) await clock.advance(1_000);
  expect(await ended).toBeInstanceOf(ConnectionError);
  expect(String(await ended)).toMatch(/nobody reads stderr; read it, cancel it, or do not ask/);
  expect(await read).toBe(await ended);
});

function nextTurn(): Promise<boolean> {
  return new Promise((resolve) => void setTimeout(() => resolve(false), 20));
}

test("exec() rejects when the connection is cut, after delivering what had arrived", async () => {
  const { pods } = await startPods();
  const run = await pods.exec("web", ["cut"]);
  const reader = run.stdout.getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toBe("half");
  const error = await rejection(run.exit);
  expect(error).toBeInstanceOf(ConnectionError);
  expect(await rejection(reader.read())).toBe(error);
});

test("exec() rejects with the server's message when a command can't be started", async () => {
  const { pods } = await startPods();
  const error = await rejection(pods.execText("web", ["nothing"]));
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ reason: "InternalError" });
});

test("exec() throws ApiError with the Status of an error response", async () => {
  const { pods, server } = await startPods();
  for (const [pod, status] of [
    ["forbidden", 403],
    ["missing", 404],
  ] as const) {
    const error = await rejection(pods.exec(pod, ["cat"]));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status });
    expect((error as Error).message).toMatch(/pods "web" is/);
  }
  await noneOpen(server);
});

test("exec() says what the server lacks when its input can't be ended", async () => {
  const { pods } = await startPods();
  const run = await pods.exec("old", ["cat"], { stdin: "pipe" });
  const error = await rejection(run.stdin.close());
  expect(String(error)).toMatch(/Cannot end stdin: the API server speaks v4.*1\.30 or later/);
  await run.close();
  // Which would wait for ever.
  const waiting = pods.execText("old", ["cat"], { stdin: "text" });
  expect(String(await rejection(waiting))).toMatch(/Cannot end stdin: the API server speaks v4/);
});

test("exec() sends nothing again once the request has been written", async () => {
  const { pods, server } = await startPods();
  const error = await rejection(pods.exec("lost", ["cat"]));
  expect(error).toBeInstanceOf(ConnectionError);
  expect(String(error)).toMatch(/the connection was lost before the response, and the server may/);
  expect((await server.stats()).requests).toBe(1);
});

test("exec() reloads the CA bundle for an untrusted server, and credentials after a 401", async () => {
  const { ca, server } = await startCluster({ token: "token-1" });
  const volume = await createVolume({ ca: ca.pem, token: "token-1" });
  const { kube, events } = await connectClient({
    config: {
      server: server.origin,
      ca: entry.fileCaSource(volume.caFile),
      token: entry.fileTokenSource(volume.tokenFile),
    },
  });
  const pods = kube.resource(Pod);
  await pods.execText("web", ["exit", "0"]);
  const next = await createCa();
  await volume.write({ ca: next.pem, token: "token-2" });
  await server.swap({ ...(await next.issue()), token: "token-2" });
  expect(await pods.execText("web", ["exit", "4"])).toMatchObject({ code: 4 });
  expect(events.flatMap((event) => (event.type === "retry" ? [event.reason] : []))).toEqual([
    "untrusted-server",
    "unauthorized",
  ]);
});

test("exec() throws ApiError with the Status of a 401 that lasts", async () => {
  const { server, pods } = await startPods();
  await server.swap({ token: "token-2" });
  const error = await rejection(pods.exec("web", ["cat"]));
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 401, reason: "Unauthorized" });
  expect((error as Error).message).toMatch(/401 Unauthorized: Unauthorized$/);
  await noneOpen(server);
});

test("exec() trusts only the CA bundle", async () => {
  const { server } = await startCluster();
  const other = await createCa();
  const { kube } = await connectClient({
    config: { server: server.origin, ca: entry.staticCaSource(other.pem) },
  });
  const error = await rejection(kube.resource(Pod).exec("web", ["cat"]));
  expect(error).toBeInstanceOf(UntrustedServerError);
  expect((await server.stats()).requests).toBe(0);
});

test("exec() survives a rotation, until drainTimeoutMs ends it and says why", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const { kube, clock } = await connectTimed((runtime) => ({
    config: {
      server: server.origin,
      ca: bindFileCaSource(runtime)(volume.caFile),
    },
    drainTimeoutMs: 5_000,
  }));
  const run = await kube.resource(Pod).exec("web", ["cat"], { stdin: "pipe" });
  const next = await createCa();
  await volume.write({ ca: next.pem });
  await server.swap(await next.issue());
  await clock.advance(1_000);
  expect(await kube.resource(Pod).execText("web", ["exit", "0"])).toMatchObject({ code: 0 });
  expect(kube.status().generations.length).toBe(2);
  const writer = run.stdin.getWriter();
  await writer.write(new TextEncoder().encode("still here"));
  const reader = run.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("still here");
  await clock.advance(5_000);
  expect(String(await rejection(run.exit))).toMatch(
    /its trust was replaced, and drainTimeoutMs \(5000 ms\) has passed since/,
  );
  await until("the old generation is gone", () => kube.status().generations.length === 1);
});

test("exec() is ended by its signal and by close() in every phase", async () => {
  for (const end of ["signal", "close"] as const) {
    for (const phase of ["handshake", "before-101", "running"] as const) {
      const { ca, server } = await startCluster({
        handshakeGate: phase === "handshake" ? "handshake" : null,
      });
      const { kube } = await connectClient({
        config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
      });
      const pods = kube.resource(Pod);
      const stop = new AbortController();
      onTestFinished(() => stop.abort());
      const reason = new Error("enough");
      const opening = pods.exec(phase === "before-101" ? "held" : "web", ["wait"], {
        signal: stop.signal,
      });
      opening.catch(() => {});
      if (phase !== "running") await server.held(phase);
      else await (await opening).stdout.getReader().read();
      if (end === "signal") stop.abort(reason);
      else await kube.close();
      const error = await rejection(opening.then((run: RemoteCommand) => run.exit));
      if (end === "signal") expect(error).toBe(reason);
      else expect(error).toMatchObject({ name: "ClosedError" });
      if (phase === "handshake") await server.release(phase);
      await noneOpen(server);
    }
  }
});
