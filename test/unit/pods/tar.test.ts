import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import { type TarEntry, readTar } from "../../../src/pods/tar-reader.ts";
import { type TarInput, writeTar } from "../../../src/pods/tar-writer.ts";
import { seeded } from "../../support/random.ts";

/** A stream of bytes in pieces. */
function pieces(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}

async function archive(inputs: Iterable<TarInput>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(writeTar(inputs)).arrayBuffer());
}

interface Content extends Omit<TarEntry, "body"> {
  readonly text: string;
}

async function contents(bytes: Uint8Array<ArrayBuffer>, size = bytes.length): Promise<Content[]> {
  const all: Content[] = [];
  for await (const { body, ...entry } of readTar(pieces(bytes, size))) {
    all.push({ ...entry, text: await new Response(body).text() });
  }
  return all;
}

/** A header as another tar would write it. */
function header(fields: Record<number, string>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(512);
  for (const [at, value] of Object.entries(fields)) {
    bytes.set(
      Uint8Array.from(value, (character) => character.charCodeAt(0)),
      Number(at),
    );
  }
  bytes.set(new TextEncoder().encode(" ".repeat(8)), 148);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return bytes;
}

function block(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  const padded = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
  padded.set(bytes);
  return padded;
}

function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const end = new Uint8Array(1024);
const long = `${"deep/".repeat(40)}file`;
const inputs: readonly TarInput[] = [
  { name: "srv", type: "directory", modifiedAt: 1_700_000_000_000 },
  { name: "srv/empty", body: "" },
  { name: "srv/a", body: "a", mode: 0o600 },
  { name: "srv/block", body: "b".repeat(512) },
  { name: "srv/more", body: new TextEncoder().encode("ü".repeat(500)) },
  { name: long, body: "long" },
  { name: "ä".repeat(50), body: "exactly 100 bytes" },
  { name: "ä".repeat(51), body: "over 100 bytes" },
];

describe("writeTar() and readTar()", () => {
  test.each([1, 100, 512, 10_000])(
    "support an archive that is read %i bytes at a time",
    async (size) => {
      const found = await contents(await archive(inputs), size);
      expect(found.map(({ name, text }) => [name, text])).toEqual(
        inputs.map(({ name, type, body = "" }) => [
          type === "directory" ? `${name}/` : name,
          typeof body === "string" ? body : "ü".repeat(500),
        ]),
      );
      expect(found[0]).toMatchObject({
        type: "directory",
        mode: 0o755,
        modifiedAt: 1_700_000_000_000,
      });
      expect(found[2]).toMatchObject({ type: "file", mode: 0o600, size: 1, linkName: "" });
    },
  );

  test("support a stream of known size", async () => {
    const bytes = seeded(7).bytes(70_000);
    const written = await archive([{ name: "a", body: pieces(bytes, 999), size: bytes.length }]);
    for await (const { body, size } of readTar(pieces(written, 4_096))) {
      expect(size).toBe(bytes.length);
      expect(new Uint8Array(await new Response(body).arrayBuffer())).toEqual(bytes);
    }
  });
});

describe("writeTar()", () => {
  test.each<[what: string, input: TarInput, message: string]>([
    ["an empty name", { name: "" }, "it is no name"],
    ["a name with a NUL", { name: "a\0b" }, "it is no name"],
    [
      "a stream without a size",
      { name: "a", body: pieces(new Uint8Array(1), 1) },
      "needs its size",
    ],
    [
      "a negative size",
      { name: "a", body: pieces(new Uint8Array(1), 1), size: -1 },
      "needs its size",
    ],
    [
      "too short a stream",
      { name: "a", body: pieces(new Uint8Array(3), 1), size: 4 },
      "fewer than 4",
    ],
    [
      "too long a stream",
      { name: "a", body: pieces(new Uint8Array(9), 1), size: 4 },
      "more than 4",
    ],
  ])("fails on %s", async (_what, input, message) => {
    const failure = await archive([input]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TypeError);
    expect(String(failure)).toContain(message);
  });

  test("cancels its input stream when the archive is cancelled", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(600)),
      cancel() {
        cancelled = true;
      },
    });
    const reader = writeTar([{ name: "a", body, size: 1e9 }]).getReader();
    await reader.read();
    await reader.read();
    await reader.cancel();
    expect(cancelled).toBe(true);
  });
});

describe("readTar()", () => {
  test("reads pax names, link targets and sizes", async () => {
    const records = (...all: string[]): string =>
      all
        .map((record) => {
          const rest = ` ${record}\n`;
          const length = new TextEncoder().encode(rest).length;
          const digits = String(length + String(length + 2).length).length;
          return `${length + digits}${rest}`;
        })
        .join("");
    const pax = records("path=naïve/näme", "size=3", "mtime=1.5");
    const link = records("linkpath=/etc/passwd");
    const bytes = join(
      header({ 0: "global", 124: "00000000000", 156: "g", 257: "ustar\x0000" }),
      header({ 0: "PaxHeader", 124: new TextEncoder().encode(pax).length.toString(8), 156: "x" }),
      block(pax),
      header({ 0: "short", 124: "00000000000", 156: "0" }),
      block("abc"),
      header({ 0: "PaxHeader", 124: link.length.toString(8), 156: "x" }),
      block(link),
      header({ 0: "link", 156: "2", 157: "elsewhere" }),
      end,
    );
    const found = await contents(bytes);
    expect(found).toMatchObject([
      { name: "naïve/näme", text: "abc", size: 3, type: "file" },
      { name: "link", type: "symlink", linkName: "/etc/passwd", size: 0 },
    ]);
  });

  test("returns names and kinds unchanged, for the caller to check", async () => {
    const bytes = join(
      header({ 0: "../../etc/passwd", 124: "00000000001", 156: "0" }),
      block("x"),
      header({ 0: "/abs", 156: "1", 157: "/etc/shadow", 124: "00000000777" }),
      header({ 0: "dev", 156: "3" }),
      header({ 0: "name", 156: "0", 257: "ustar\x0000", 345: "prefix" }),
      end,
    );
    expect(await contents(bytes)).toMatchObject([
      { name: "../../etc/passwd", type: "file" },
      { name: "/abs", type: "hard-link", size: 0, linkName: "/etc/shadow" },
      { name: "dev", type: "character-device" },
      { name: "prefix/name", type: "file" },
    ]);
  });

  test.each([
    ["a sparse file of pax", ["22 GNU.sparse.major=1\n"], "stored as a sparse one"],
    [
      "too many headers for an entry",
      Array.from({ length: 17 }, () => "8 a=bcd\n"),
      "too many headers",
    ],
  ] as const)("throws for %s", async (_, records, message) => {
    const extended = records.map((record) => {
      const size = record.length.toString(8).padStart(11, "0");
      return join(header({ 0: "pax", 124: size, 156: "x" }), block(record));
    });
    const bytes = join(...extended, header({ 0: "a", 156: "0" }), end);
    await expect(contents(bytes)).rejects.toThrow(message);
  });

  test("throws when the end is followed by an entry", async () => {
    const zeros = new Uint8Array(1024 * 1024);
    let isCancelled = false;
    const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => controller.enqueue(Uint8Array.from(end)),
      pull: (controller) => controller.enqueue(zeros),
      cancel() {
        isCancelled = true;
      },
    });
    const entries = readTar(source);
    await expect(entries.next()).rejects.toThrow("too much follows its end");
    expect(isCancelled).toBe(true);
  });

  test("skips the rest of a body when the next entry is requested", async () => {
    const bytes = await archive([
      { name: "a", body: "a".repeat(5_000) },
      { name: "b", body: "b" },
    ]);
    const names: string[] = [];
    for await (const { name, body } of readTar(pieces(bytes, 100))) {
      names.push(name);
      if (name === "a") await body.getReader().read();
    }
    expect(names).toEqual(["a", "b"]);
  });

  test("cancels the archive when its reader leaves early", async () => {
    let cancelled = false;
    const whole = await archive(inputs);
    const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => controller.enqueue(whole.slice(0, 1_024)),
      cancel() {
        cancelled = true;
      },
    });
    for await (const entry of readTar(source)) {
      expect(entry.name).toBe("srv/");
      break;
    }
    expect(cancelled).toBe(true);
  });

  test("throws unless both end blocks have arrived", async () => {
    const whole = await archive([{ name: "a", body: "abc" }]);
    for (let length = 0; length < whole.length; length += 1) {
      await expect(contents(whole.slice(0, length))).rejects.toThrow(
        "it breaks off before its end",
      );
    }
    await expect(contents(join(whole, new Uint8Array(9_000)))).resolves.toHaveLength(1);
    const half = whole.slice();
    half[half.length - 1] = 1;
    await expect(contents(half)).rejects.toThrow("its end is no end");
  }, 60_000);

  test.each([
    ["a wrong checksum", join(header({ 0: "a" }).fill(65, 0, 1), end), "checksum"],
    ["a negative size", join(header({ 0: "a", 124: "-0000000001" }), end), "no octal number"],
    [
      "a size that is no number",
      join(header({ 0: "a", 124: "0000000000x" }), end),
      "no octal number",
    ],
    [
      "a size beyond numbers",
      join(header({ 0: "a", 124: `\xff${"\xff".repeat(11)}` }), end),
      "too large",
    ],
    ["an endless name", join(header({ 0: "a", 124: "77777777777", 156: "L" }), end), "a name has"],
    [
      "a pax record that is too long",
      join(header({ 0: "a", 124: "10", 156: "x" }), block("99 a=b\n"), end),
      "pax",
    ],
    [
      "a pax record without a length",
      join(header({ 0: "a", 124: "10", 156: "x" }), block("x a=b\n"), end),
      "pax",
    ],
    [
      "a pax size that is no number",
      join(header({ 0: "a", 124: "14", 156: "x" }), block("12 size=-1\n\n"), end),
      "",
    ],
  ])("throws a ConnectionError when given %s", async (_what, bytes, reason) => {
    await expect(contents(bytes)).rejects.toThrow(ConnectionError);
    await expect(contents(bytes)).rejects.toThrow(reason);
  });

  test("returns entries or throws a ConnectionError for any input", async () => {
    const random = seeded(1003);
    const whole = await archive(inputs);
    for (let round = 0; round < 500; round++) {
      const bytes = whole.slice();
      for (let change = random.below(4); change >= 0; change--) {
        bytes[random.below(bytes.length)] = random.below(256);
      }
      const outcome = await contents(bytes, 1 + random.below(2_000)).catch(
        (error: unknown) => error,
      );
      if (!Array.isArray(outcome)) expect(outcome).toBeInstanceOf(ConnectionError);
    }
  });
});
