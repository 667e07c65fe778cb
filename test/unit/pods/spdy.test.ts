import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import { type SpdyFrame, SpdyReader, SpdyWriter } from "../../../src/pods/spdy.ts";
import { seeded } from "../../support/random.ts";

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (digits: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(digits.replaceAll(/\s/g, "").match(/../g) ?? [], (pair) =>
    Number.parseInt(pair, 16),
  );

/** Inflates the header blocks that a session has sent, with a real zlib. */
async function inflate(blocks: readonly Uint8Array[], until: string): Promise<string> {
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  const reader = readable.getReader();
  const written = blocks.map((block) => writer.write(Uint8Array.from(block)));
  const decoder = new TextDecoder();
  const texts: string[] = [];
  while (!texts.join("").includes(until)) {
    const { value, done } = await reader.read();
    if (done) break;
    texts.push(decoder.decode(value));
  }
  await Promise.allSettled([...written, reader.cancel()]);
  return texts.join("");
}

describe("SpdyWriter", () => {
  test("open() sends a stream's headers as zlib reads them, and the zlib header once", async () => {
    const writer = new SpdyWriter();
    const first = writer.open(1, { streamtype: "error", port: "80", requestid: "0" });
    const second = writer.open(3, { streamtype: "data", port: "80", requestid: "0" });
    expect(hex(first.subarray(0, 18))).toBe(
      "80030001000000" + hex(Uint8Array.of(first.length - 8)) + "00000001000000000000",
    );
    expect(hex(second.subarray(8, 12))).toBe("00000003");
    expect(hex(first.subarray(18, 20))).toBe("7801");
    expect(hex(second.subarray(18, 19))).toBe("00");
    const text = await inflate([first.subarray(18), second.subarray(18)], "requestid");
    expect(text).toContain("streamtype\0\0\0\x05error\0\0\0\x04port\0\0\0\x0280");
  });

  test("dataHead(), ping() and reset() build frames of SPDY/3.1", () => {
    const writer = new SpdyWriter();
    expect(hex(writer.dataHead(3, 2))).toBe("0000000300000002");
    expect(hex(writer.dataHead(1, 0, true))).toBe("0000000101000000");
    expect(hex(writer.ping(7))).toBe("800300060000000400000007");
    expect(hex(writer.reset(3))).toBe("80030003000000080000000300000005");
  });
});

describe("SpdyReader", () => {
  const session = bytesOf(`
    80030002 0000000a 00000001 789c 01020304
    80030002 0100000a 00000003 789c 01020304
    00000003 00000003 616263
    80030006 00000004 00000002
    80030004 00000004 00000000
    80030009 00000008 00000003 00001000
    80030003 00000008 00000001 00000005
    00000003 01000000
    80030007 00000008 00000003 00000000`);
  const frames: SpdyFrame[] = [
    { type: "reply", stream: 1, isLast: false },
    { type: "reply", stream: 3, isLast: true },
    { type: "data", stream: 3, data: bytesOf("616263"), isLast: false },
    { type: "ping", id: 2 },
    { type: "other" },
    { type: "other" },
    { type: "reset", stream: 1, status: 5 },
    { type: "data", stream: 3, data: new Uint8Array(), isLast: true },
    { type: "go-away", status: 0 },
  ];

  test.each([1, 3, 8, 1_000])(
    "push() returns every frame when reading %i bytes at a time",
    (size) => {
      const reader = new SpdyReader();
      const found: SpdyFrame[] = [];
      for (let at = 0; at < session.length; at += size) {
        found.push(...reader.push(session.slice(at, at + size)));
      }
      expect(found).toEqual(frames);
    },
  );

  test.each([
    ["another version", "80020006 00000004 00000002", "a frame is of version 2"],
    ["a stream of the server's", "80030001 0000000a 00000002 00000000 0000", "opens a stream"],
    ["a short control frame", "80030003 00000004 00000001", "too short"],
    ["a huge frame", "00000003 00ffffff", "a frame has 16777215 bytes"],
  ])("push() throws a ConnectionError when given %s", (_what, digits, reason) => {
    expect(() => new SpdyReader().push(bytesOf(digits))).toThrow(ConnectionError);
    expect(() => new SpdyReader().push(bytesOf(digits))).toThrow(reason);
  });

  test("push() returns frames or throws a ConnectionError for any input", () => {
    const random = seeded(31);
    for (let round = 0; round < 5_000; round++) {
      const bytes = session.slice();
      for (let change = random.below(5); change >= 0; change--) {
        bytes[random.below(bytes.length)] = random.below(256);
      }
      try {
        for (const frame of new SpdyReader().push(bytes)) expect(frame.type).toBeTypeOf("string");
      } catch (error) {
        expect(error).toBeInstanceOf(ConnectionError);
      }
    }
  });
});
