import { describe, expect, test } from "vitest";
import { ApiError } from "../../../src/api/api-error.ts";
import { ConnectionError } from "../../../src/errors.ts";
import { type RemoteCommand, runCommand } from "../../../src/pods/remote-command.ts";
import { WebSocketConnection } from "../../../src/pods/web-socket.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { until } from "../../support/until.ts";
import {
  type ScriptedConnection,
  clientFrame,
  scriptedConnection,
  serverFrame,
} from "./support/scripted-connection.ts";

const text = (of: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(of);
const success = JSON.stringify({ status: "Success" });
const exited = (code: number): string =>
  JSON.stringify({
    status: "Failure",
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
  });

interface Scene {
  readonly server: ScriptedConnection & {
    say(channel: number, payload: string | Uint8Array): void;
    close(code?: number): void;
    /** The messages that the client has sent, as `channel:text`. */
    heard(): string[];
  };
  readonly command: RemoteCommand;
  readonly clock: ManualClock;
  readonly stop: AbortController;
}

function open(protocol = "v5.channel.k8s.io", wanted: Partial<Streams> = {}): Scene {
  const connection = scriptedConnection();
  const clock = new ManualClock();
  const stop = new AbortController();
  const command = runCommand({
    socket: new WebSocketConnection(connection, clock),
    protocol,
    clock,
    path: "/api/v1/namespaces/default/pods/web/exec",
    signal: stop.signal,
    streams: { stdin: true, stdout: true, stderr: true, tty: false, ...wanted },
  });
  const server = Object.assign(connection, {
    say(channel: number, payload: string | Uint8Array): void {
      const data = typeof payload === "string" ? text(payload) : payload;
      const message = new Uint8Array(1 + data.length);
      message[0] = channel;
      message.set(data, 1);
      connection.serve(serverFrame(0x82, message));
    },
    close(code = 1000): void {
      connection.serve(serverFrame(0x88, Uint8Array.of(code >> 8, code & 255)));
    },
    heard: () =>
      connection.written
        .map(clientFrame)
        .filter(({ opcode }) => opcode === 2)
        .map(({ payload: [channel, ...data] }) => `${channel}:${String.fromCharCode(...data)}`),
  });
  return { server, command, clock, stop };
}

interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> =>
  await new Response(stream).text();

describe("exit", () => {
  test.each([
    [
      "a failure with the code of a success",
      { reason: "NonZeroExitCode", details: { causes: [{ reason: "ExitCode", message: "0" }] } },
    ],
    [
      "causes that are none",
      { reason: "NonZeroExitCode", details: { causes: [null, 1, "ExitCode"] } },
    ],
    ["a list", []],
  ])("rejects with an ApiError for a status that is %s", async (_, status) => {
    const { server, command } = open();
    server.say(
      3,
      JSON.stringify(Array.isArray(status) ? status : { status: "Failure", ...status }),
    );
    server.close();
    await expect(command.exit).rejects.toBeInstanceOf(ApiError);
  });

  test("resolves after all output, with the code in the status", async () => {
    const { server, command } = open();
    server.say(0, "");
    server.say(1, "out");
    server.say(2, "err");
    server.say(1, "put");
    server.say(3, exited(3));
    server.close();
    expect(await Promise.all([read(command.stdout), read(command.stderr), command.exit])).toEqual([
      "output",
      "err",
      { code: 3 },
    ]);
    expect(server.isEnded).toBe(true);
  });

  test("is 0 for a success whose status arrives in pieces, before the connection is cut", async () => {
    const { server, command } = open();
    server.say(3, success.slice(0, 10));
    server.say(3, success.slice(10));
    server.cut();
    expect(await command.exit).toEqual({ code: 0 });
  });

  test("rejects with an ApiError if the command could not be started", async () => {
    const { server, command } = open();
    const status = {
      kind: "Status",
      status: "Failure",
      reason: "InternalError",
      code: 500,
      message: "no such program",
    };
    server.say(3, JSON.stringify(status));
    server.close();
    const error = await command.exit.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 500, reason: "InternalError" });
    expect(String(error)).toContain("no such program");
  });

  test.each<[what: string, act: (server: Scene["server"]) => void, message: string]>([
    ["the connection is cut", (server) => server.cut(), "the connection was lost"],
    [
      "it is closed without a status",
      (server) => server.close(),
      "without an exit status; the command may still run",
    ],
    [
      "it is closed in another way",
      (server) => server.close(1011),
      "the server closed it with status 1011",
    ],
    ["the status is no JSON", (server) => (server.say(3, "{"), server.close()), "is not JSON"],
    [
      "the status is null",
      (server) => (server.say(3, "null"), server.close()),
      "without an exit status",
    ],
    ["an unknown channel is used", (server) => server.say(9, "x"), "unknown channel 9"],
    [
      "the status has no end",
      (server) => server.say(3, new Uint8Array(1024 * 1024 + 1)),
      "an exit status of more than",
    ],
  ])("rejects with a ConnectionError, like the output, if %s", async (_what, act, message) => {
    const { server, command } = open();
    server.say(1, "partial");
    act(server);
    const [exit, stdout] = await Promise.allSettled([command.exit, read(command.stdout)]);
    expect(exit).toMatchObject({ status: "rejected", reason: expect.any(ConnectionError) });
    expect(String(exit.status === "rejected" && exit.reason)).toContain(message);
    expect(stdout.status).toBe("rejected");
    const writing = command.stdin.getWriter().write(text("late"));
    await expect(writing).rejects.toThrow(ConnectionError);
  });

  test("may be ignored: a failure that nobody awaits is not an unhandled rejection", async () => {
    const { server, command } = open();
    server.cut();
    await expect(read(command.stdout)).rejects.toThrow(ConnectionError);
  });
});

describe("stdin", () => {
  test("is sent in pieces, and ended on v5", async () => {
    const { server, command } = open();
    const writer = command.stdin.getWriter();
    await writer.write(text("a".repeat(40_000)));
    await writer.close();
    const heard = server.heard();
    expect(heard.map((message) => message.slice(0, 2))).toEqual(["0:", "0:", "25"]);
    expect(heard[0]?.length).toBe(2 + 32 * 1024);
    expect(heard[2]).toBe("255:\0");
  });

  test("can't be ended on v4, and the error says what can", async () => {
    const { command } = open("v4.channel.k8s.io");
    const writer = command.stdin.getWriter();
    await writer.write(text("a"));
    await expect(writer.close()).rejects.toThrow(/speaks v4\.channel\.k8s\.io.*Kubernetes 1\.30/);
  });

  test("is rejected if it was not requested", async () => {
    const { command } = open(undefined, { stdin: false });
    await expect(command.stdin.getWriter().write(text("a"))).rejects.toThrow('use stdin: "pipe"');
  });

  test("fails if the command has ended early, and does not affect output and exit code", async () => {
    const { server, command } = open();
    const writer = command.stdin.getWriter();
    server.failWrites(new Error("EPIPE"));
    await expect(writer.write(text("more"))).rejects.toMatchObject({
      name: "ConnectionError",
      cause: { message: "EPIPE" },
    });
    server.say(1, "first");
    server.say(3, success);
    server.close();
    expect(await read(command.stdout)).toBe("first");
    expect(await command.exit).toEqual({ code: 0 });
  });

  test("ends the command's connection if it is aborted, so that a part is never mistaken for the whole", async () => {
    const { server, command } = open();
    await command.stdin.abort(new Error("the file is gone"));
    await expect(command.exit).rejects.toThrow("the file is gone");
    expect(String(server.abortedWith)).toContain("the file is gone");
    expect(server.heard()).toEqual([]);
  });
});

describe("stdout and stderr", () => {
  const piece = new Uint8Array(32 * 1024).fill(120);

  test("are received no faster than they are read", async () => {
    const { server, command } = open();
    for (let count = 0; count < 200; count++) server.say(1, piece);
    const reader = command.stdout.getReader();
    await until("the buffer is full", () => server.unread < 170);
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    expect(server.unread).toBeGreaterThan(160);
    let size = 0;
    server.say(3, success);
    server.close();
    for (let next = await reader.read(); !next.done; next = await reader.read())
      size += next.value.length;
    expect(size).toBe(200 * piece.length);
    expect(await command.exit).toEqual({ code: 0 });
  });

  test("fail with an error that names the unread one, if the other one waits", async () => {
    const { server, command, clock } = open();
    for (let count = 0; count < 40; count++) server.say(2, piece);
    server.say(1, "never arrives");
    const stdout = read(command.stdout).catch((error: unknown) => error);
    await until("it is given up", async () => {
      await clock.advance(1_000);
      return server.abortedWith !== undefined;
    });
    expect(clock.now()).toBeGreaterThanOrEqual(30_000);
    expect(String(await stdout)).toContain("nobody reads stderr");
    await expect(command.exit).rejects.toThrow("nobody reads stderr");
  });

  test("wait for a slow reader without a time limit", async () => {
    const { server, command, clock } = open();
    for (let count = 0; count < 40; count++) server.say(1, piece);
    const reader = command.stdout.getReader();
    void command.exit;
    for (let seconds = 0; seconds < 120; seconds++) {
      await clock.advance(1_000);
      await new Promise((resolve) => void setTimeout(resolve, 0));
    }
    server.say(3, success);
    server.close();
    while (!(await reader.read()).done);
    expect(await command.exit).toEqual({ code: 0 });
  });

  test("are discarded if they are cancelled", async () => {
    const { server, command } = open();
    await command.stderr.cancel();
    for (let count = 0; count < 100; count++) server.say(2, piece);
    server.say(1, "out");
    server.say(3, success);
    server.close();
    expect(await read(command.stdout)).toBe("out");
    expect(await command.exit).toEqual({ code: 0 });
  });

  test("are empty if they were not requested", async () => {
    const { server, command } = open(undefined, { stderr: false });
    expect(await read(command.stderr)).toBe("");
    server.say(3, success);
    server.close();
    expect(await read(command.stdout)).toBe("");
  });
});

describe("resize() and the end", () => {
  test("resize() sends the terminal's size", async () => {
    const { server, command } = open(undefined, { tty: true });
    await command.resize({ columns: 120, rows: 40 });
    expect(server.heard()).toEqual(['4:{"Width":120,"Height":40}']);
    await expect(command.resize({ columns: -1, rows: 40 })).rejects.toThrow(/columns/);
    await expect(open().command.resize({ columns: 1, rows: 1 })).rejects.toThrow(
      "use the option tty",
    );
  });

  test("close() and an abort end everything at once, even if nobody reads", async () => {
    for (const end of [
      async ({ command }: Scene) => await command.close(),
      async ({ stop }: Scene) => stop.abort(new Error("enough")),
    ]) {
      const scene = open();
      for (let count = 0; count < 100; count++) scene.server.say(1, new Uint8Array(32 * 1024));
      await until("the buffer is full", () => scene.server.unread < 70);
      const exit = scene.command.exit.catch((error: unknown) => error);
      await end(scene);
      expect(await exit).toBeInstanceOf(Error);
      await expect(read(scene.command.stdout)).rejects.toThrow();
      expect(scene.server.abortedWith).toBeInstanceOf(Error);
    }
  });

  test("a server that goes silent while a caller waits is pinged, and then given up", async () => {
    const { server, command, clock } = open();
    const exit = command.exit.catch((error: unknown) => error);
    for (let seconds = 0; seconds < 21; seconds++) {
      await clock.advance(1_000);
      await new Promise((resolve) => void setTimeout(resolve, 0));
    }
    expect(server.written.map(clientFrame).filter(({ opcode }) => opcode === 9)).toHaveLength(3);
    expect(String(await exit)).toContain("silent for 20000 ms");
  });

  test("a ping of the server is answered", async () => {
    const { server, command } = open();
    server.serve(serverFrame(0x89, text("are you there")));
    server.say(3, success);
    server.close();
    await command.exit;
    const [pong] = server.written.map(clientFrame);
    expect(pong?.opcode).toBe(10);
    expect(new TextDecoder().decode(pong?.payload)).toBe("are you there");
  });
});
