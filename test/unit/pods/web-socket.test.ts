import { expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import { WebSocketConnection } from "../../../src/pods/web-socket.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { rejection } from "../../support/rejection.ts";
import { until } from "../../support/until.ts";
import { clientFrame, scriptedConnection, serverFrame } from "./support/scripted-connection.ts";

test("receive() and send() reject with a ConnectionError, whatever error a runtime has for a lost connection", async () => {
  const server = scriptedConnection();
  const socket = new WebSocketConnection(server, new ManualClock());
  server.failWrites(new Error("write EPIPE"));
  const sent = await rejection(socket.send(new Uint8Array(1)));
  expect(sent).toBeInstanceOf(ConnectionError);
  expect(sent).toMatchObject({ cause: { message: "write EPIPE" } });
  server.abort(new TypeError("Network connection lost."));
  const received = await rejection(socket.receive());
  expect(received).toBeInstanceOf(ConnectionError);
  expect(String(received)).toContain("Cannot read from the WebSocket: the connection was lost");
});

test("receive() rejects with the reason of an abort, and not with another error", async () => {
  const reason = new Error("enough");
  const stop = new AbortController();
  for (const end of ["abort", "signal"] as const) {
    const server = scriptedConnection();
    const socket = new WebSocketConnection(server, new ManualClock(), stop.signal);
    const received = rejection(socket.receive());
    if (end === "abort") socket.abort(reason);
    else {
      stop.abort(reason);
      server.abort(reason);
    }
    expect(await received).toBe(reason);
  }
});

test("receive() answers the last of many pings, and does not store the others, while the server reads nothing", async () => {
  const server = scriptedConnection();
  const takes = Promise.withResolvers<void>();
  let writes = 0;
  const connection = {
    ...server,
    async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
      writes += 1;
      await takes.promise;
      await server.write(bytes);
    },
  };
  const socket = new WebSocketConnection(connection, new ManualClock());
  const received = socket.receive();
  const ping = (index: number) => serverFrame(0x89, new TextEncoder().encode(String(index)));
  for (let index = 0; index < 1_000; index++) server.serve(ping(index));
  await until("all have come", () => server.unread === 0);
  expect(writes).toBe(1);
  takes.resolve();
  await until("the last is answered", () => server.written.length === 2);
  const answers = server.written
    .map(clientFrame)
    .map(({ opcode, payload }) => [opcode, new TextDecoder().decode(payload)]);
  expect(answers).toEqual([
    [10, "0"],
    [10, "999"],
  ]);
  server.serve(ping(1_000), serverFrame(0x82, Uint8Array.of(1)));
  expect(await received).toEqual(Uint8Array.of(1));
  await until("a later one is answered", () => server.written.length === 3);
});

test("receive() and send() reject with the reason of an abort, even if a message has arrived or the server has gone", async () => {
  const reason = new Error("enough");
  const server = scriptedConnection();
  const socket = new WebSocketConnection(server, new ManualClock());
  // Two messages arrive at once, and the second one is not asked for yet.
  const both = [1, 2].flatMap((byte) => [...serverFrame(0x82, Uint8Array.of(byte))]);
  server.serve(Uint8Array.from(both));
  expect(await socket.receive()).toEqual(Uint8Array.of(1));
  server.failWrites(new Error("write EPIPE"));
  const sending = rejection(socket.send(new Uint8Array(1)));
  socket.abort(reason);
  socket.abort(new Error("later"));
  expect(await sending).toBe(reason);
  expect(await rejection(socket.send(new Uint8Array(1)))).toBe(reason);
  expect(await rejection(socket.receive())).toBe(reason);
});
