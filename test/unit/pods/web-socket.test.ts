import { expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import { WebSocketConnection } from "../../../src/pods/web-socket.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { rejection } from "../../support/rejection.ts";
import { scriptedConnection } from "./support/scripted-connection.ts";

test("receive() and send() reject with a ConnectionError, whatever a runtime says of a lost connection", async () => {
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
