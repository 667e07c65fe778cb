import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import { SpdySession } from "../../../src/pods/spdy-session.ts";
import type { ForwardedConnection } from "../../../src/pods/forwarded-connection.ts";
import { WebSocketConnection } from "../../../src/pods/web-socket.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { until } from "../../support/until.ts";
import { scriptedConnection, serverFrame } from "./support/scripted-connection.ts";
import {
  clientFrames,
  controlMessage,
  dataMessage,
  heard,
  idsOf,
  types,
} from "./support/spdy-frames.ts";

const MB = 1024 * 1024;
const text = (of: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(of);

function start() {
  const server = scriptedConnection();
  const clock = new ManualClock();
  const stop = new AbortController();
  const keep = { isKept: true };
  const settings = {
    halfClose: "hold" as const,
    clock,
    what: "port 80 of Pod default/web",
    signal: stop.signal,
  };
  const socket = new WebSocketConnection(server, clock);
  const session = new SpdySession(socket, settings, () => keep.isKept);
  return { server, clock, stop, keep, session };
}

async function readText({ readable }: ForwardedConnection): Promise<string> {
  return await new Response(readable).text();
}

/** Advances by a number of seconds. The API server itself answers all pings meanwhile. */
async function pass({ server, clock }: ReturnType<typeof start>, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    server.serve(serverFrame(0x8a, new Uint8Array()));
    await clock.advance(1_000);
  }
}

describe("SpdySession", () => {
  test("gives each connection its own streams and request", async () => {
    const { server, session } = start();
    const first = await session.open(80);
    const second = await session.open(443);
    await first.writable.getWriter().write(text("one"));
    await second.writable.getWriter().write(text("two"));
    expect(heard(server)).toEqual(["1:.", "5:.", "3:one", "7:two"]);
    const headers = clientFrames(server)
      .filter(({ type }) => type === types.open)
      .map(({ body }) => new TextDecoder("latin1").decode(body));
    expect(
      headers.map((each) => /port\0{3}.(\d+)\0{3}\trequestid\0{3}.(\d)/s.exec(each)?.slice(1)),
    ).toEqual([
      ["80", "1"],
      ["80", "1"],
      ["443", "5"],
      ["443", "5"],
    ]);
    server.serve(
      dataMessage(7, "2"),
      dataMessage(3, "1"),
      dataMessage(7, "", true),
      dataMessage(3, "", true),
    );
    expect([await readText(first), await readText(second)]).toEqual(["1", "2"]);
  });

  test("a failure of one connection does not affect the others", async () => {
    const { server, session } = start();
    const refused = await session.open(1);
    const reset = await session.open(2);
    const closed = await session.open(3);
    const alive = await session.open(4);
    server.serve(dataMessage(1, "connection refused"), controlMessage(types.reset, 3, 5));
    server.serve(controlMessage(types.reset, 7, 5));
    await expect(readText(refused)).rejects.toThrow("connection refused");
    await expect(readText(reset)).rejects.toThrow("the pod has reset it");
    await closed.close();
    await until("the pod is told", () => idsOf(server, types.reset).includes(11));
    await expect(readText(closed)).rejects.toThrow("it was closed");
    // Data that was on its way for closed connections is discarded.
    server.serve(dataMessage(11, "late"), dataMessage(9, "late"), dataMessage(99, "nobody's"));
    server.serve(dataMessage(15, "alive", true));
    expect(await readText(alive)).toBe("alive");
    expect(server.abortedWith).toBeUndefined();
  });

  test("the loss of the connection ends all of them, with the reason", async () => {
    const { server, session } = start();
    const connections = [await session.open(80), await session.open(80)];
    server.cut();
    for (const each of connections) {
      await expect(readText(each)).rejects.toThrow("the connection was lost");
      await expect(each.writable.getWriter().write(text("a"))).rejects.toThrow(ConnectionError);
    }
    expect(session.takesMore).toBe(false);
    await expect(session.open(80)).rejects.toThrow("the connection was lost");
  });

  test("a frame that breaks the protocol ends all", async () => {
    const { server, session } = start();
    const connections = [await session.open(80), await session.open(80)];
    server.serve(controlMessage(types.open, 2));
    for (const each of connections) {
      await expect(readText(each)).rejects.toThrow("the server opens a stream");
    }
  });

  test("an abort ends all of them with its reason", async () => {
    const { server, session, stop } = start();
    const connections = [await session.open(80), await session.open(80)];
    const reason = new Error("enough");
    stop.abort(reason);
    for (const each of connections) await expect(readText(each)).rejects.toBe(reason);
    expect(server.abortedWith).toBe(reason);
    await expect(session.open(80)).rejects.toBe(reason);
  });

  test("accepts no more connections while one has a slow reader, and continues with that one", async () => {
    const scene = start();
    const { server, session } = scene;
    const slow = await session.open(80);
    for (let count = 0; count < 20; count++) server.serve(dataMessage(3, "x".repeat(64 * 1024)));
    await until("it is full", () => !session.takesMore);
    // It is the only one, so no other waits for it.
    await pass(scene, 300);
    server.serve(
      dataMessage(3, "", true),
      controlMessage(types.ping, idsOf(server, types.ping).at(-1) ?? 0),
    );
    expect((await readText(slow)).length).toBe(20 * 64 * 1024);
    await until("it takes more", () => session.takesMore);
  });

  test("an unread connection fails after 30 s if others wait behind it", async () => {
    const scene = start();
    const { server, session } = scene;
    const unread = await session.open(80);
    const waiting = await session.open(80);
    const answer = readText(waiting);
    const reader = unread.readable.getReader();
    for (let count = 0; count < 20; count++) server.serve(dataMessage(3, "x".repeat(64 * 1024)));
    server.serve(dataMessage(7, "the answer", true));
    await until("it is full", () => !session.takesMore);
    await pass(scene, 40);
    expect(await answer).toBe("the answer");
    await expect(reader.read()).rejects.toThrow(
      'Cannot use port 80 of Pod default/web: nobody has read it for 30000 ms, and other connections wait behind it; use connections: "own"',
    );
    expect(idsOf(server, types.reset)).toEqual([3, 1]);
  });

  test("accepts no more connections while the node leaves pings unanswered, because a program does not read", async () => {
    const scene = start();
    const { server, session } = scene;
    const uploading = await session.open(80);
    await uploading.writable.getWriter().write(text("more than it takes"));
    await pass(scene, 5);
    expect(idsOf(server, types.ping)).toEqual([1]);
    expect(session.takesMore).toBe(true);
    await pass(scene, 5);
    expect(session.takesMore).toBe(false);
    server.serve(controlMessage(types.ping, 1), controlMessage(types.ping, 3));
    await until("it answers", () => session.takesMore);
  });

  test("closes after the last connection, unless it is kept", async () => {
    const { server, session, keep, clock } = start();
    const first = await session.open(80);
    await first.close();
    expect(session.takesMore).toBe(true);
    expect(server.isEnded).toBe(false);
    keep.isKept = false;
    session.closeIfUnused();
    expect(server.isEnded).toBe(true);
    expect(session.takesMore).toBe(false);
    server.cut();
    await until("nothing is left", () => clock.pending === 0);
  });

  test.each([
    ["seal()", (session: SpdySession) => session.seal()],
    [
      "GOAWAY",
      (_: SpdySession, serve: (...parts: Uint8Array[]) => void) =>
        serve(controlMessage(types.goAway, 0, 0)),
    ],
  ] as const)("accepts no more connections after %s, and closes after the last", async (_, act) => {
    const { server, session } = start();
    const last = await session.open(80);
    act(session, server.serve);
    await until("it is sealed", () => !session.takesMore);
    server.serve(dataMessage(3, "to the end", true));
    const answer = readText(last);
    await last.writable.getWriter().close();
    expect(await answer).toBe("to the end");
    await until("it is closed", () => server.isEnded);
  });

  test("answers a reader who has all of 1 MiB to read as soon as it is read", async () => {
    const { server, session } = start();
    const connection = await session.open(80);
    const sent = "x".repeat(64 * 1024);
    for (let count = 0; count < 64; count++) server.serve(dataMessage(3, sent));
    server.serve(dataMessage(3, "", true));
    expect((await readText(connection)).length).toBe(4 * MB);
  });
});
