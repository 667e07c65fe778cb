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

const text = (of: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(of);

/** A frame as a server sends it. */
function frame(
  first: number,
  payload: Uint8Array,
  lengthBytes = fitting(payload),
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 + lengthBytes + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = first;
  bytes[1] = lengthBytes === 0 ? payload.length : lengthBytes === 2 ? 126 : 127;
  if (lengthBytes === 2) view.setUint16(2, payload.length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(payload.length));
  bytes.set(payload, 2 + lengthBytes);
  return bytes;
}

function fitting({ length }: Uint8Array): number {
  return length < 126 ? 0 : length < 65_536 ? 2 : 8;
}

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

/** Parses a client's frame, as a server does. */
function unmask(bytes: Uint8Array): { first: number; payload: Uint8Array } {
  const [first = 0, second = 0] = bytes;
  expect(second & 0x80).toBe(0x80);
  const short = second & 0x7f;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const header = short === 126 ? 4 : short === 127 ? 10 : 2;
  const length =
    short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short;
  const mask = bytes.subarray(header, header + 4);
  const payload = bytes.subarray(header + 4);
  expect(payload.length).toBe(length);
  return { first, payload: payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0)) };
}

describe("encodeFrame()", () => {
  test.each([0, 1, 125, 126, 65_535, 65_536, 100_000])("masks a payload of %i bytes", (length) => {
    const payload = seeded(length).bytes(length);
    const half = Math.floor(length / 2);
    const { first, payload: sent } = unmask(
      encodeFrame(opcodes.binary, payload.subarray(0, half), payload.subarray(half)),
    );
    expect(first).toBe(0x82);
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
  const { first, payload } = unmask(encodeClose(1000, "ä".repeat(100)));
  expect(first).toBe(0x88);
  expect([...payload.subarray(0, 2)]).toEqual([3, 232]);
  expect(new TextDecoder().decode(payload.subarray(2))).toBe("ä".repeat(61));
});

describe("FrameReader", () => {
  const long = seeded(1).bytes(70_000);
  const conversation = join(
    frame(0x82, text("one")),
    frame(0x89, text("ping")),
    frame(0x02, text("a")),
    frame(0x8a, text("")), // A control frame between fragments.
    frame(0x00, text("b")),
    frame(0x80, text("c")),
    frame(0x81, text("tëxt")),
    frame(0x82, long.subarray(0, 200)),
    frame(0x82, long),
    frame(0x88, join(new Uint8Array([3, 232]), text("bye"))),
    frame(0x82, text("after the end")),
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
    const empty = join(...Array.from({ length: 10_000 }, () => frame(0x00, text(""))));
    expect(reader.push(frame(0x02, text("a")))).toEqual([]);
    for (let round = 0; round < 20; round++)
      expect(reader.push(Uint8Array.from(empty))).toEqual([]);
    const rest = Array.from({ length: 998 }, () => frame(0x00, text("b")));
    expect(reader.push(Uint8Array.from(join(...rest)))).toEqual([]);
    const [message] = reader.push(Uint8Array.from(frame(0x80, text("c"))));
    expect(message).toMatchObject({ type: "binary", data: text(`a${"b".repeat(998)}c`) });
    reader.push(frame(0x02, text("d".repeat(1_000))));
    expect(() => reader.push(frame(0x00, text("e")))).toThrow(
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
    expect(read(frame(0x88, text("")))).toEqual([{ type: "close", code: 1005, reason: "" }]);
  });

  test("isBetweenMessages is false at an end in the middle of a message", () => {
    const reader = new FrameReader(100);
    expect(reader.isBetweenMessages).toBe(true);
    reader.push(frame(0x02, text("a")));
    expect(reader.isBetweenMessages).toBe(false);
    reader.push(frame(0x80, text("b")));
    expect(reader.isBetweenMessages).toBe(true);
    reader.push(new Uint8Array([0x82]));
    expect(reader.isBetweenMessages).toBe(false);
  });

  test.each([
    ["a reserved bit", frame(0xc2, text("a")), "a reserved bit is set"],
    ["a mask", encodeFrame(opcodes.binary, text("a")), "masked"],
    ["an unknown opcode", frame(0x83, text("a")), "unknown opcode 3"],
    ["an unknown control opcode", frame(0x8b, text("a")), "unknown opcode 11"],
    ["a fragmented ping", frame(0x09, text("a")), "a control frame is fragmented or too long"],
    ["a long ping", frame(0x89, new Uint8Array(126)), "a control frame is fragmented or too long"],
    ["a continuation of nothing", frame(0x80, text("a")), "a continuation has no beginning"],
    [
      "a message in a message",
      join(frame(0x02, text("a")), frame(0x82, text("b"))),
      "not finished",
    ],
    ["a length of two bytes for 5", frame(0x82, text("12345"), 2), "longer than it must be"],
    [
      "a length of eight bytes for 200",
      frame(0x82, new Uint8Array(200), 8),
      "longer than it must be",
    ],
    ["half a status", frame(0x88, new Uint8Array(1)), "half a status"],
    ["a status that is never sent", frame(0x88, new Uint8Array([3, 238])), "invalid status 1006"],
    ["a message over the limit", frame(0x82, new Uint8Array((1 << 20) + 1)), "longer than 1048576"],
  ])("push() throws a ConnectionError when given %s", (_what, bytes, reason) => {
    expect(() => read(bytes)).toThrow(ConnectionError);
    expect(() => read(bytes)).toThrow(reason);
  });

  test("push() rejects a length over the limit before its bytes arrive, including fragments", () => {
    const reader = new FrameReader(1_000);
    const huge = new Uint8Array([0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
    expect(() => reader.push(huge)).toThrow("longer than 1000 bytes");
    const second = new FrameReader(1_000);
    second.push(frame(0x02, new Uint8Array(900)));
    expect(() => second.push(frame(0x80, new Uint8Array(101)))).toThrow("longer than 1000 bytes");
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
