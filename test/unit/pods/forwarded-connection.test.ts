import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import { forwardChannels } from "../../../src/pods/forward-channels.ts";
import { SpdySession, type ForwardSettings } from "../../../src/pods/spdy-session.ts";
import type { ForwardedConnection } from "../../../src/pods/forwarded-connection.ts";
import { WebSocketConnection } from "../../../src/pods/web-socket.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { until } from "../../support/until.ts";
import {
  type ScriptedConnection,
  clientFrame,
  scriptedConnection,
  serverFrame,
} from "./support/scripted-connection.ts";
import {
  clientFrames,
  controlMessage,
  dataMessage,
  heard,
  idsOf,
  types,
} from "./support/spdy-frames.ts";

const SPDY = "SPDY/3.1+portforward.k8s.io";
const CHANNELS = "v4.channel.k8s.io";
const text = (of: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(of);
const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> =>
  await new Response(stream).text();

interface Scene {
  readonly server: ScriptedConnection;
  readonly forwarded: ForwardedConnection;
  readonly clock: ManualClock;
  readonly stop: AbortController;
}

async function open(protocol: string, options: Partial<ForwardSettings> = {}): Promise<Scene> {
  const server = scriptedConnection();
  const clock = new ManualClock();
  const stop = new AbortController();
  const socket = new WebSocketConnection(server, clock);
  const settings: ForwardSettings = {
    halfClose: "hold",
    clock,
    what: "port 5432 of Pod default/db",
    signal: stop.signal,
    ...options,
  };
  const forwarded =
    protocol === SPDY
      ? await new SpdySession(socket, settings, () => false).open(5432)
      : forwardChannels(socket, settings);
  return { server, forwarded, clock, stop };
}

const close = serverFrame(0x88, Uint8Array.of(3, 232));

describe("over SPDY", () => {
  test("a connection opens its two streams and carries bytes both ways", async () => {
    const { server, forwarded } = await open(SPDY);
    expect(clientFrames(server)).toMatchObject([
      { type: types.open, id: 1 },
      { type: undefined, id: 1, isLast: true },
      { type: types.open, id: 3 },
    ]);
    const writer = forwarded.writable.getWriter();
    await writer.write(text("ping"));
    expect(heard(server)).toEqual(["1:.", "3:ping"]);
    server.serve(dataMessage(3, "po"), dataMessage(3, "ng", true), close);
    expect(await read(forwarded.readable)).toBe("pong");
    await until("the WebSocket is closed", () => server.isEnded);
  });

  test("the local end is held back until the pod has ended its side", async () => {
    const { server, forwarded } = await open(SPDY);
    await forwarded.writable.getWriter().close();
    expect(heard(server)).toEqual(["1:."]);
    server.serve(dataMessage(3, "the whole answer"), dataMessage(3, "", true));
    expect(await read(forwarded.readable)).toBe("the whole answer");
    await until("the end is passed on", () => heard(server).includes("3:."));
    await until("the WebSocket is closed", () => server.isEnded);
  });

  test("the local end is forwarded after 30 s, even if the pod stays silent", async () => {
    const { server, forwarded, clock } = await open(SPDY);
    await forwarded.writable.getWriter().close();
    const answer = read(forwarded.readable).catch(() => "");
    server.serve(serverFrame(0x8a, new Uint8Array()));
    for (let second = 0; second < 30; second++) {
      server.serve(serverFrame(0x8a, new Uint8Array()));
      await clock.advance(1_000);
    }
    await until("the end is passed on", () => heard(server).includes("3:."));
    server.serve(dataMessage(3, "late", true));
    expect(await answer).toBe("late");
  });

  test('the local end is forwarded at once with halfClose: "forward"', async () => {
    const { server, forwarded } = await open(SPDY, { halfClose: "forward" });
    await forwarded.writable.getWriter().close();
    expect(heard(server)).toEqual(["1:.", "3:."]);
  });

  test("a ping of the session is answered", async () => {
    const { server } = await open(SPDY);
    server.serve(controlMessage(types.ping, 2));
    await until("it is answered", () => idsOf(server, types.ping).includes(2));
  });

  const pings = (server: ScriptedConnection): number[] => idsOf(server, types.ping);
  const pong = (id: number): Uint8Array<ArrayBuffer> => controlMessage(types.ping, id);
  /** Advances by a number of seconds. The API server itself answers all pings meanwhile. */
  async function pass({ server, clock }: Scene, seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      server.serve(serverFrame(0x8a, new Uint8Array()));
      await clock.advance(1_000);
    }
  }

  test("an idle node that no longer answers ends the connection, even if the API server lives", async () => {
    const scene = await open(SPDY);
    const answer = read(scene.forwarded.readable).catch((error: unknown) => error);
    await pass(scene, 5);
    expect(pings(scene.server)).toEqual([1]);
    scene.server.serve(pong(1));
    await pass(scene, 30);
    expect(pings(scene.server).slice(0, 3)).toEqual([1, 3, 5]);
    expect(String(await answer)).toMatch(
      /port 5432 of Pod default\/db: its node has been silent for/,
    );
    expect(scene.clock.pending).toBe(0);
  });

  test("a node that answers is kept, and so is one whose program does not read its input", async () => {
    const scene = await open(SPDY);
    const { server, forwarded } = scene;
    const answer = read(forwarded.readable);
    for (let id = 1; id < 60; id += 2) {
      await pass(scene, 5);
      server.serve(pong(id));
    }
    // From here on it answers no pings: they are queued behind the data.
    await forwarded.writable.getWriter().write(text("more than it takes"));
    await pass(scene, 300);
    server.serve(dataMessage(3, "alive", true), close);
    expect(await answer).toBe("alive");
  });

  test("a node is not considered dead while nobody reads its output", async () => {
    const scene = await open(SPDY);
    const { server, forwarded } = scene;
    await pass(scene, 5);
    server.serve(pong(1));
    const letters = "x".repeat(64 * 1024);
    for (let count = 0; count < 20; count++) server.serve(dataMessage(3, letters));
    await pass(scene, 300);
    server.serve(dataMessage(3, "", true), close);
    expect((await read(forwarded.readable)).length).toBe(20 * letters.length);
  });

  test.each<[what: string, act: (server: ScriptedConnection) => void, message: string]>([
    [
      "the pod can't be reached",
      (server) =>
        server.serve(
          dataMessage(1, "connection refused"),
          dataMessage(3, "", true),
          dataMessage(1, "", true),
          close,
        ),
      "Cannot use port 5432 of Pod default/db: connection refused",
    ],
    [
      "the pod resets it",
      (server) => server.serve(controlMessage(types.reset, 3, 5)),
      "the pod has reset it",
    ],
    ["the connection is cut", (server) => server.cut(), "the connection was lost"],
    [
      "it is closed in the middle",
      (server) => server.serve(dataMessage(3, "part"), close),
      "the connection was lost",
    ],
  ])("both directions fail if %s", async (_what, act, message) => {
    const { server, forwarded } = await open(SPDY);
    act(server);
    const error = await read(forwarded.readable).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String(error)).toContain(message);
    await expect(forwarded.writable.getWriter().write(text("a"))).rejects.toThrow(ConnectionError);
  });
});

describe("over two channels", () => {
  const say = (channel: number, payload: Uint8Array): Uint8Array<ArrayBuffer> =>
    serverFrame(0x82, Uint8Array.of(channel, ...payload));
  const ports = [say(0, Uint8Array.of(0x38, 0x15)), say(1, Uint8Array.of(0x38, 0x15))];

  test("a connection carries bytes both ways, without the leading port numbers", async () => {
    const { server, forwarded } = await open(CHANNELS);
    await forwarded.writable.getWriter().write(text("ping"));
    expect(
      server.written.map(clientFrame).map(({ payload }) => String.fromCharCode(...payload)),
    ).toEqual(["\0ping"]);
    server.serve(...ports, say(0, text("pong")), close);
    expect(await read(forwarded.readable)).toBe("pong");
  });

  test("it fails with the pod's message", async () => {
    const { server, forwarded } = await open(CHANNELS);
    server.serve(...ports, say(1, text("connection refused")), close);
    await expect(read(forwarded.readable)).rejects.toThrow("connection refused");
  });
});

test.each([SPDY, CHANNELS])(
  "close() and an abort end a connection over %s at once",
  async (protocol) => {
    for (const end of [
      async ({ forwarded }: Scene) => await forwarded.close(),
      async ({ stop }: Scene) => stop.abort(new Error("enough")),
    ]) {
      const scene = await open(protocol);
      const answer = read(scene.forwarded.readable).catch((error: unknown) => error);
      await end(scene);
      expect(await answer).toBeInstanceOf(Error);
      expect(scene.server.abortedWith).toBeInstanceOf(Error);
    }
  },
);
