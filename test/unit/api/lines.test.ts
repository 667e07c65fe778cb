import { describe, expect, test } from "vitest";
import { LineSplitter } from "../../../src/api/lines.ts";

const text = "first\nzwölf Ärger 🦊\n\nlast";
const bytes = new TextEncoder().encode(text);

function split(pieces: readonly Uint8Array[]): string[] {
  const lines = new LineSplitter(1_000);
  return [...pieces.flatMap((piece) => lines.push(piece)), lines.rest()];
}

describe("LineSplitter", () => {
  test("returns the same lines wherever the bytes are cut, even inside a character", () => {
    for (let size = 1; size <= bytes.length; size++) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      expect(split(pieces)).toEqual(["first", "zwölf Ärger 🦊", "", "last"]);
    }
  });

  test("has no rest when the last line has an end", () => {
    expect(split([new TextEncoder().encode("a\nb\n")])).toEqual(["a", "b", ""]);
  });

  test("takes a carriage return before a line's end for a part of the end, wherever it is cut", () => {
    const all = new TextEncoder().encode("a\r\n\r\nb\rc\r\nd\r");
    for (let at = 0; at <= all.length; at++) {
      const lines = split([all.subarray(0, at), all.subarray(at)]);
      expect(lines).toEqual(["a", "", "b\rc", "d\r"]);
    }
  });

  test("reads a line of several megabytes in small pieces, in linear time", () => {
    const piece = new Uint8Array(1_000).fill(97);
    const lines = new LineSplitter(64_000_000);
    for (let count = 0; count < 8_000; count++) expect(lines.push(piece)).toEqual([]);
    const [line] = lines.push(new Uint8Array([10]));
    expect(line).toHaveLength(8_000_000);
  });

  test("rejects a line that is too long before it is complete", () => {
    const lines = new LineSplitter(10);
    lines.push(new Uint8Array(10));
    expect(() => lines.push(new Uint8Array(1))).toThrow(RangeError);
    expect(() => lines.push(new Uint8Array([1, 10]))).toThrow(RangeError);
    const long = new Uint8Array(12).fill(97, 0, 11).fill(10, 11);
    expect(() => new LineSplitter(10).push(long)).toThrow(RangeError);
  });
});
