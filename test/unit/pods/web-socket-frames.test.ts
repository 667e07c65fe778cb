import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import {
  FrameReader,
  type WebSocketMessage,
  encodeClose,
  encodeFrame,
  opcodes,
} from "../../../src/pods/web-socket-frames.ts";
import { seeded } from "../../support/random.ts";
import { clientFrame, serverFrame } from "./support/scripted-connection.ts";

const text = (of: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(of);

function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function read(bytes: Uint8Array<ArrayBuffer>, pieceBytes = bytes.length): WebSocketMessage[] {
  const reader = new FrameReader(1 << 20);
  const messages: WebSocketMessage[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    messages.push(...reader.push(bytes.slice(at, at + pieceBytes)));
  }
  return messages;
}

describe("encodeFrame()", () => {
  test.each([0, 1, 125, 126, 65_535, 65_536, 100_000])("masks a payload of %i bytes", (length) => {
    const payload = seeded(length).bytes(length);
    const half = Math.floor(length / 2);
    const { opcode, payload: sent } = clientFrame(
      encodeFrame(opcodes.binary, payload.subarray(0, half), payload.subarray(half)),
    );
    expect(opcode).toBe(opcodes.binary);
    expect(sent).toEqual(payload);
  });

  test("masks each frame with a new key", () => {
    const frames = Array.from({ length: 20 }, () =>
      encodeFrame(opcodes.binary, text("same")).join(),
    );
    expect(new Set(frames).size).toBe(20);
  });
});

test("encodeClose() shortens a long reason between two characters", () => {
  const { opcode, payload } = clientFrame(encodeClose(1000, "ä".repeat(100)));
  expect(opcode).toBe(8);
  expect([...payload.subarray(0, 2)]).toEqual([3, 232]);
  expect(new TextDecoder().decode(payload.subarray(2))).toBe("ä".repeat(61));
});

describe("FrameReader", () => {
  const long = seeded(1).bytes(70_000);
  const conversation = join(
    serverFrame(0x82, text("one")),
    serverFrame(0x89, text("ping")),
    serverFrame(0x02, text("a")),
    serverFrame(0x8a, text("")), // A control frame between fragments.
    serverFrame(0x00, text("b")),
    serverFrame(0x80, text("c")),
    serverFrame(0x81, text("tëxt")),
    serverFrame(0x82, long.subarray(0, 200)),
    serverFrame(0x82, long),
    serverFrame(0x88, join(new Uint8Array([3, 232]), text("bye"))),
    serverFrame(0x82, text("after the end")),
  );
  const messages: WebSocketMessage[] = [
    { type: "binary", data: text("one") },
    { type: "ping", data: text("ping") },
    { type: "pong", data: text("") },
    { type: "binary", data: text("abc") },
    { type: "text", data: text("tëxt") },
    { type: "binary", data: long.slice(0, 200) },
    { type: "binary", data: long },
    { type: "close", code: 1000, reason: "bye" },
  ];

  test("push() keeps only the bytes of fragments, however many there are", () => {
    const reader = new FrameReader(1_000);
    const empty = join(...Array.from({ length: 10_000 }, () => serverFrame(0x00, text(""))));
    expect(reader.push(serverFrame(0x02, text("a")))).toEqual([]);
    for (let round = 0; round < 20; round++)
      expect(reader.push(Uint8Array.from(empty))).toEqual([]);
    const rest = Array.from({ length: 998 }, () => serverFrame(0x00, text("b")));
    expect(reader.push(Uint8Array.from(join(...rest)))).toEqual([]);
    const [message] = reader.push(Uint8Array.from(serverFrame(0x80, text("c"))));
    expect(message).toMatchObject({ type: "binary", data: text(`a${"b".repeat(998)}c`) });
    reader.push(serverFrame(0x02, text("d".repeat(1_000))));
    expect(() => reader.push(serverFrame(0x00, text("e")))).toThrow(
      "a message is longer than 1000 bytes",
    );
  });

  test.each([1, 2, 3, 7, 4096, 100_000])(
    "push() returns every message when reading %i bytes at a time",
    (size) => {
      expect(read(conversation, size)).toEqual(messages);
    },
  );

  test("push() reads a close frame without a status", () => {
    expect(read(serverFrame(0x88, text("")))).toEqual([{ type: "close", code: 1005, reason: "" }]);
  });

  test("isBetweenMessages is false at an end in the middle of a message", () => {
    const reader = new FrameReader(100);
    expect(reader.isBetweenMessages).toBe(true);
    reader.push(serverFrame(0x02, text("a")));
    expect(reader.isBetweenMessages).toBe(false);
    reader.push(serverFrame(0x80, text("b")));
    expect(reader.isBetweenMessages).toBe(true);
    reader.push(new Uint8Array([0x82]));
    expect(reader.isBetweenMessages).toBe(false);
  });

  test.each([
    ["a reserved bit", serverFrame(0xc2, text("a")), "a reserved bit is set"],
    ["a mask", encodeFrame(opcodes.binary, text("a")), "masked"],
    ["an unknown opcode", serverFrame(0x83, text("a")), "unknown opcode 3"],
    ["an unknown control opcode", serverFrame(0x8b, text("a")), "unknown opcode 11"],
    [
      "a fragmented ping",
      serverFrame(0x09, text("a")),
      "a control frame is fragmented or too long",
    ],
    [
      "a long ping",
      serverFrame(0x89, new Uint8Array(126)),
      "a control frame is fragmented or too long",
    ],
    ["a continuation of nothing", serverFrame(0x80, text("a")), "a continuation has no beginning"],
    [
      "a message in a message",
      join(serverFrame(0x02, text("a")), serverFrame(0x82, text("b"))),
      "not finished",
    ],
    ["a length of two bytes for 5", serverFrame(0x82, text("12345"), 2), "longer than it must be"],
    [
      "a length of eight bytes for 200",
      serverFrame(0x82, new Uint8Array(200), 8),
      "longer than it must be",
    ],
    ["half a status", serverFrame(0x88, new Uint8Array(1)), "half a status"],
    [
      "a status that is never sent",
      serverFrame(0x88, new Uint8Array([3, 238])),
      "invalid status 1006",
    ],
    [
      "a message over the limit",
      serverFrame(0x82, new Uint8Array((1 << 20) + 1)),
      "longer than 1048576",
    ],
  ])("push() throws a ConnectionError when given %s", (_what, bytes, reason) => {
    expect(() => read(bytes)).toThrow(ConnectionError);
    expect(() => read(bytes)).toThrow(reason);
  });

  test("push() rejects a length over the limit before its bytes arrive, including fragments", () => {
    const reader = new FrameReader(1_000);
    const huge = new Uint8Array([0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
    expect(() => reader.push(huge)).toThrow("longer than 1000 bytes");
    const second = new FrameReader(1_000);
    second.push(serverFrame(0x02, new Uint8Array(900)));
    expect(() => second.push(serverFrame(0x80, new Uint8Array(101)))).toThrow(
      "longer than 1000 bytes",
    );
  });

  test("push() returns messages or throws a ConnectionError for any input", () => {
    const random = seeded(6455);
    for (let round = 0; round < 20_000; round++) {
      const reader = new FrameReader(4_096);
      try {
        for (let piece = random.below(6); piece >= 0; piece--) {
          const bytes = random.bytes(1 + random.below(40));
          // Some inputs are valid beyond the first byte.
          if (random.below(3) > 0) bytes[0] = random.pick([0x82, 0x02, 0x80, 0x00, 0x89, 0x88]);
          if (random.below(3) > 0 && bytes.length > 1) bytes[1] = bytes.length - 2;
          reader.push(bytes);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ConnectionError);
      }
    }
  });
});
