import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import {
  type ResponseHead,
  ResponseHeadReader,
  fieldOf,
} from "../../../src/http1/response-head.ts";
import { seeded } from "../../support/random.ts";
import { plain } from "../support/memory-wire.ts";

const encode = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));
const decode = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** Reads a head that arrives in pieces, split at the given positions. */
function read(text: string, cuts: readonly number[] = []): { head: ResponseHead; rest: string } {
  const reader = new ResponseHeadReader();
  const bytes = encode(text);
  const edges = [0, ...cuts, bytes.length];
  for (const [index, from] of edges.slice(0, -1).entries()) {
    const to = edges[index + 1] ?? bytes.length;
    const found = reader.push(bytes.subarray(0, to), from);
    if (found !== undefined) return { head: plain(found.head), rest: text.slice(found.end) };
  }
  throw new Error("The head has no end");
}

const switching =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX-A:  a, b\t \r\nX-a: \xfc\r\nEmpty:\r\n\r\nrest";

describe("ResponseHeadReader", () => {
  test("push() returns status, fields and the following bytes, wherever the bytes are split", () => {
    const whole = {
      head: {
        minorVersion: 1,
        status: 101,
        statusText: "Switching Protocols",
        fields: [
          ["upgrade", "websocket"],
          ["x-a", "a, b"],
          ["x-a", "\xfc"],
          ["empty", ""],
        ],
        connectionFields: [],
      },
      rest: "rest",
    };
    expect(read(switching)).toEqual(whole);
    for (let at = 1; at < switching.length; at++) expect(read(switching, [at])).toEqual(whole);
    const everywhere = Array.from({ length: switching.length - 1 }, (_, at) => at + 1);
    expect(read(switching, everywhere)).toEqual(whole);
  });

  test("push() returns the fields of the connection apart, wherever the bytes are split", () => {
    const text =
      "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Connection: a\r\nCONNECTION:\tclose \r\nDate: a\r\nkeep-alive:timeout=5\r\nTransfer-Encodings: b\r\nContent-Encoding: gzip\r\ntransfer-encoding: chunked\r\nconnection: x\r\n\r\nrest";
    const connectionFields = [
      ["content-length", "4"],
      ["connection", "close"],
      ["keep-alive", "timeout=5"],
      ["content-encoding", "gzip"],
      ["transfer-encoding", "chunked"],
      ["connection", "x"],
    ];
    for (let at = 0; at < text.length; at++) {
      expect(read(text, [at]).head.connectionFields).toEqual(connectionFields);
    }
  });

  test("fieldOf() joins the lines of a field, whatever the field is", () => {
    const { head } = read(
      "HTTP/1.1 200 OK\r\nA: 1\r\nConnection: b\r\na: 2\r\nconnection: c\r\n\r\n",
    );
    expect(["A", "connection", "Keep-Alive", "b"].map((name) => fieldOf(head, name))).toEqual([
      "1, 2",
      "b, c",
      null,
      null,
    ]);
  });

  test.each([
    ["HTTP/1.0 200 OK\r\n\r\n", 0, "OK"],
    ["HTTP/1.1 204\r\n\r\n", 1, ""],
    ["HTTP/1.1 204 \r\n\r\n", 1, ""],
    ["HTTP/1.1 599 \xe9\tx\r\n\r\n", 1, "\xe9\tx"],
  ])("push() accepts the status line of %j", (text, minorVersion, statusText) => {
    expect(read(text).head).toMatchObject({ minorVersion, statusText, fields: [] });
  });

  test.each([
    ["a bare line feed", "HTTP/1.1 200 OK\nA: b\r\n\r\n"],
    ["two bare line feeds", "HTTP/1.1 200 OK\n\n"],
    ["a bare carriage return", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"],
    ["an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n"],
    ["another protocol", "HTTP/2 200 OK\r\n\r\n"],
    ["another version", "HTTP/1.2 200 OK\r\n\r\n"],
    ["lower case", "http/1.1 200 OK\r\n\r\n"],
    ["two spaces", "HTTP/1.1  200 OK\r\n\r\n"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["a status under 100", "HTTP/1.1 099 OK\r\n\r\n"],
    ["a status over 599", "HTTP/1.1 600 OK\r\n\r\n"],
    ["a signed status", "HTTP/1.1 +20 OK\r\n\r\n"],
    ["a control character in the reason", "HTTP/1.1 200 O\x07K\r\n\r\n"],
    ["a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"],
    ["white space before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"],
    ["white space before the name", "HTTP/1.1 200 OK\r\n\tA: b\r\n\r\n"],
    ["no colon", "HTTP/1.1 200 OK\r\nAb\r\n\r\n"],
    ["no name", "HTTP/1.1 200 OK\r\n: b\r\n\r\n"],
    ["a name that is no token", "HTTP/1.1 200 OK\r\nA\xe9: b\r\n\r\n"],
    ["a NUL in a value", "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n"],
    ["a DEL in a value", "HTTP/1.1 200 OK\r\nA: b\x7f\r\n\r\n"],
    ["too many fields", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(300)}\r\n`],
    ["too many bytes", `HTTP/1.1 200 OK\r\nA: ${"b".repeat(65_536)}\r\n\r\n`],
    ["bytes without end", "x".repeat(70_000)],
  ])(
    "push() throws a ConnectionError that quotes nothing of the head when given %s",
    (_what, text) => {
      expect(() => read(text)).toThrow(ConnectionError);
      expect(() => read(text)).toThrow(/^Cannot read the response: its head is malformed, /);
    },
  );

  test("push() leaves the bytes after a head of the maximum size", () => {
    const head = `HTTP/1.1 200 OK\r\nA: ${"b".repeat(65_500 - 24)}\r\n\r\n`;
    const body = "c".repeat(100_000);
    expect(read(head + body).rest).toBe(body);
  });

  test("push() returns a head or throws a ConnectionError for any input", () => {
    const random = seeded(9112);
    for (let round = 0; round < 5_000; round++) {
      const bytes = encode(switching);
      for (let change = random.below(4); change >= 0; change--) {
        bytes[random.below(bytes.length)] = random.below(256);
      }
      try {
        const { head } = read(decode(bytes), [1 + random.below(bytes.length - 1)]);
        for (const [name, value] of head.fields) {
          expect(name).toMatch(/^[^\s:]+$/);
          expect(value).not.toMatch(/[\r\n\0]/);
        }
      } catch (error) {
        if (error instanceof Error && error.message === "The head has no end") continue;
        expect(error).toBeInstanceOf(ConnectionError);
      }
    }
  });
});
