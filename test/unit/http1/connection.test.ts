import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import type { OutgoingMessage } from "../../../src/http1/connection.ts";
import { MemoryConnection, Outcome } from "../support/memory-wire.ts";

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

function send(memory: MemoryConnection, message: Partial<OutgoingMessage>): Outcome {
  const outcome = new Outcome();
  const rest = { method: "POST", target: "/", fields: [], moreFields: [], body: null };
  memory.connection.exchange({ ...rest, ...message }, outcome);
  return outcome;
}

/** Lets everything that has settled take effect. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

describe("what exchange() sends", () => {
  test.each<[string, Partial<OutgoingMessage>, string]>([
    [
      "a GET",
      { method: "GET", target: "/a?b=c", fields: [["accept", "application/json"]] },
      "GET /a?b=c HTTP/1.1\r\nhost: server.test\r\naccept: application/json\r\n\r\n",
    ],
    [
      "several lines of one header",
      {
        method: "GET",
        moreFields: [
          ["impersonate-group", "a"],
          ["impersonate-group", "b"],
        ],
      },
      "GET / HTTP/1.1\r\nhost: server.test\r\nimpersonate-group: a\r\nimpersonate-group: b\r\n\r\n",
    ],
    [
      "the length of a text in bytes",
      { body: "\u00e9" },
      "POST / HTTP/1.1\r\nhost: server.test\r\ncontent-length: 2\r\n\r\n\u00c3\u00a9",
    ],
    [
      "bytes",
      { body: Uint8Array.of(1, 255) },
      "POST / HTTP/1.1\r\nhost: server.test\r\ncontent-length: 2\r\n\r\n\u0001\u00ff",
    ],
    [
      "no body, where one is usual",
      { method: "PUT" },
      "PUT / HTTP/1.1\r\nhost: server.test\r\ncontent-length: 0\r\n\r\n",
    ],
    [
      "no body, where none is",
      { method: "DELETE" },
      "DELETE / HTTP/1.1\r\nhost: server.test\r\n\r\n",
    ],
  ])("is %s", (_, message, sent) => {
    const memory = new MemoryConnection();
    send(memory, message);
    expect(memory.wire.sent).toBe(sent);
  });

  test("is each request's own fields, however little they differ from the last ones", () => {
    const memory = new MemoryConnection();
    const fields: [string, string][] = [
      ["authorization", "Bearer 1"],
      ["accept", "a"],
    ];
    const requests = [
      fields,
      fields,
      fields.slice(0, 1),
      [],
      [["authorization", "Bearer 2"]],
      [["Authorization", "Bearer 2"]],
      [["authorization", "a\nb"]],
      [["authorization", "Bearer 2"], ...fields.slice(1)],
      fields.toReversed(),
    ] satisfies OutgoingMessage["fields"][];
    for (const [at, own] of requests.entries()) {
      const before = memory.wire.sent.length;
      const outcome = send(memory, { method: "GET", fields: own, moreFields: [["at", `${at}`]] });
      const lines = [["host", "server.test"], ...own, ["at", `${at}`]].map((line) =>
        line.join(": "),
      );
      const isValid = !lines.some((line) => line.includes("\n"));
      const head = ["GET / HTTP/1.1", ...lines, "", ""].join("\r\n");
      expect(memory.wire.sent.slice(before)).toBe(isValid ? head : "");
      if (isValid) memory.wire.arrive(ok);
      expect(outcome.isComplete).toBe(isValid);
    }
  });

  test("contains no line that a caller's text would add", () => {
    const bad: Partial<OutgoingMessage>[] = [
      { method: "GET /x HTTP/1.1\r\nA:" },
      { target: "/\r\nx: y" },
      { target: "/ HTTP/1.1" },
      { fields: [["a", "b\r\nc: d"]] },
      { fields: [["a", "b\nc: d"]] },
      { fields: [["a\r\nb", "c"]] },
      { fields: [["a b", "c"]] },
      { moreFields: [["a", "\u0000"]] },
      { moreFields: [["a", "\u0100"]] },
    ];
    for (const message of bad) {
      const memory = new MemoryConnection();
      expect(send(memory, message).failure).toBeInstanceOf(TypeError);
      expect(memory.wire.sent).toBe("");
      expect(memory.freed).toBe(1);
    }
  });
});

describe("a response", () => {
  test("frees the connection for the next request", () => {
    const memory = new MemoryConnection();
    for (let request = 1; request <= 3; request++) {
      const outcome = memory.ask();
      memory.wire.arrive(ok);
      expect(outcome).toMatchObject({ body: "hi", isComplete: true, failure: undefined });
      expect(memory).toMatchObject({ freed: request, gone: 0 });
    }
  });

  test.each([
    ["more bytes than were announced", `${ok}!`],
    ["a second response", ok + ok],
    ["Connection: close", ok.replace("\r\n", "\r\nconnection: close\r\n")],
    ["Connection: TE, Close", ok.replace("\r\n", "\r\nconnection: TE, Close\r\n")],
    ["HTTP/1.0", ok.replace("1.1", "1.0")],
    ["a 204 with a length", "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n"],
    ["a 204 with a transfer encoding", "HTTP/1.1 204 A\r\ntransfer-encoding: chunked\r\n\r\n"],
  ])("closes the connection if it has %s", (_, text) => {
    const memory = new MemoryConnection();
    const outcome = memory.ask();
    memory.wire.arrive(text);
    expect(outcome).toMatchObject({ isComplete: true, ends: 1 });
    expect(memory).toMatchObject({ freed: 0, gone: 1, wire: { isClosed: true } });
  });

  test.each(["HTTP/1.1 408 Request Timeout\r\n\r\n", "x", "\r\n"])(
    "without a waiting request closes the connection (%j)",
    (text) => {
      const memory = new MemoryConnection();
      memory.ask();
      memory.wire.arrive(ok);
      memory.wire.arrive(text);
      expect(memory).toMatchObject({ freed: 1, gone: 1, wire: { isClosed: true } });
    },
  );

  test("is read after informational ones", () => {
    const memory = new MemoryConnection();
    const outcome = memory.ask();
    memory.wire.arrive(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: a\r\n\r\n${ok}`);
    expect(outcome).toMatchObject({ head: { status: 200 }, body: "hi", isComplete: true });
  });

  test.each([
    ["are too many", "HTTP/1.1 100 A\r\n\r\n".repeat(17)],
    ["change the protocol", "HTTP/1.1 101 A\r\n\r\n"],
    ["are of HTTP/1.0", "HTTP/1.0 100 A\r\n\r\n"],
    ["have a body", "HTTP/1.1 103 A\r\ncontent-length: 5\r\n\r\n"],
    ["have a transfer encoding", "HTTP/1.1 103 A\r\ntransfer-encoding: chunked\r\n\r\n"],
    ["have two lengths", "HTTP/1.1 103 A\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n"],
    ["close the connection", "HTTP/1.1 103 A\r\nconnection: close\r\n\r\n"],
  ])("is rejected after informational ones that %s", (_, text) => {
    const memory = new MemoryConnection();
    const outcome = memory.ask();
    memory.wire.arrive(text + ok);
    expect(outcome).toMatchObject({ head: undefined, isComplete: false, ends: 1 });
    expect(outcome.failure).toBeInstanceOf(ConnectionError);
    expect(memory.gone).toBe(1);
  });

  test("to a HEAD has no body", () => {
    const memory = new MemoryConnection();
    const outcome = memory.ask("HEAD");
    memory.wire.arrive("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    expect(outcome).toMatchObject({ body: "", isComplete: true });
    expect(memory.freed).toBe(1);
  });

  test("continues to the end of the connection if it has no length", () => {
    const memory = new MemoryConnection();
    const outcome = memory.ask();
    memory.wire.arrive("HTTP/1.1 200 OK\r\n\r\nab");
    memory.wire.arrive("c");
    expect(outcome.isComplete).toBe(false);
    memory.wire.end();
    expect(outcome).toMatchObject({ body: "abc", isComplete: true, failure: undefined });
    expect(memory).toMatchObject({ freed: 0, gone: 1 });
  });

  test.each([
    "",
    "HTTP/1.1 200",
    ok.slice(0, -1),
    ok.replace("content-length: 2", "transfer-encoding: chunked").replace("hi", "2\r\nhi\r\n0\r\n"),
  ])("that is truncated is a lost connection or a broken body (%j)", (text) => {
    for (const how of ["end", "close"] as const) {
      const memory = new MemoryConnection();
      const outcome = memory.ask();
      memory.wire.arrive(text);
      memory.wire[how]();
      expect(outcome).toMatchObject({
        isComplete: false,
        ends: 1,
        failure: { code: "ECONNRESET" },
      });
      expect(memory).toMatchObject({ freed: 0, gone: 1 });
    }
  });

  test("limits the idle time of the connection as its headers say", () => {
    const memory = new MemoryConnection();
    memory.ask();
    memory.wire.arrive(ok.replace("\r\n", "\r\nkeep-alive: timeout=5, max=100\r\n"));
    expect(memory.connection.idleLimitMs).toBe(4_000);
  });

  test("that was paused frees a connection that continues to read", () => {
    const memory = new MemoryConnection();
    memory.ask();
    memory.connection.hold();
    memory.wire.arrive(ok);
    expect(memory).toMatchObject({ freed: 1, wire: { isHeld: false } });
  });
});

describe("a stream as the body", () => {
  test("is sent in chunks, no faster than the connection accepts them", async () => {
    const memory = new MemoryConnection();
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled += 1;
          if (pulled <= 3) controller.enqueue(new TextEncoder().encode("x".repeat(pulled * 10)));
          else controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    memory.wire.blocked = [];
    const outcome = send(memory, { body });
    await turns();
    expect(pulled).toBe(1);
    for (let turn = 0; turn < 5; turn++) {
      for (const resume of memory.wire.blocked.splice(0)) resume();
      await turns();
    }
    expect(memory.wire.sent).toBe(
      `POST / HTTP/1.1\r\nhost: server.test\r\ntransfer-encoding: chunked\r\n\r\na\r\n${"x".repeat(10)}\r\n14\r\n${"x".repeat(20)}\r\n1e\r\n${"x".repeat(30)}\r\n0\r\n\r\n`,
    );
    memory.wire.arrive(ok);
    expect(outcome.isComplete).toBe(true);
    expect(memory.freed).toBe(1);
  });

  test("is cancelled once the response is complete, and its connection is closed", async () => {
    const memory = new MemoryConnection();
    let cancelled = 0;
    const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled += 1) });
    const outcome = send(memory, { body });
    await turns();
    memory.wire.arrive("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno");
    await turns();
    expect(outcome).toMatchObject({ head: { status: 413 }, body: "no", isComplete: true, ends: 1 });
    expect(memory).toMatchObject({ freed: 0, gone: 1, wire: { isClosed: true } });
    expect(cancelled).toBe(1);
  });

  test("that fails ends the request with its error", async () => {
    const memory = new MemoryConnection();
    const reason = new Error("no more");
    const outcome = send(memory, {
      body: new ReadableStream({
        pull() {
          throw reason;
        },
      }),
    });
    await turns();
    expect(outcome.failure).toBe(reason);
    expect(memory).toMatchObject({ freed: 0, gone: 1 });
  });
});

test("abort() ends the request with its reason, and closes the connection", () => {
  const memory = new MemoryConnection();
  const outcome = memory.ask();
  const reason = new Error("enough");
  memory.connection.abort(reason);
  expect(outcome).toMatchObject({ failure: reason, ends: 1 });
  expect(memory).toMatchObject({ gone: 1, wire: { aborted: reason } });
});
