/**
 * Reads tar archives: ustar, with the long names of GNU tar and of pax.
 *
 * What an archive says is not trusted: a header whose checksum is wrong, a size that is none, or an archive
 * that breaks off before its end is an error. Names are returned as they are written: check them
 * before you write files to them.
 *
 * @module
 */

import { ByteQueue } from "../byte-queue.ts";
import { ConnectionError } from "../errors.ts";

const BLOCK = 512;
/** The longest name or pax header that is read. */
const MAX_EXTENSION_BYTES = 1024 * 1024;
/** How many headers may say more of one entry. Archives have two or three. */
const MAX_EXTENSIONS = 16;
/** What may follow the end: `tar` fills its last record. */
const MAX_REST_BYTES = 16 * 1024 * 1024;

/** What an entry is. */
export type TarEntryType =
  | "file"
  | "directory"
  | "symlink"
  | "hard-link"
  | "character-device"
  | "block-device"
  | "fifo"
  | "other";

/** An entry of an archive. */
export interface TarEntry {
  /** Its name as the archive has it, with any `..` and leading `/` in it. */
  readonly name: string;
  /** What it is. */
  readonly type: TarEntryType;
  /** The size of its body in bytes. */
  readonly size: number;
  /** Its permission bits. */
  readonly mode: number;
  /** When it was modified, in milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** What a link points to; empty otherwise. */
  readonly linkName: string;
  /** Its content. It has to be read before the next entry is asked for; what is left of it is skipped. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

const types: Readonly<Record<string, TarEntryType>> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  "5": "directory",
  "2": "symlink",
  "1": "hard-link",
  "3": "character-device",
  "4": "block-device",
  "6": "fifo",
};

/**
 * Reads an archive, entry by entry.
 *
 * @param archive The bytes of the archive. It is cancelled if the loop over the entries ends early.
 * @throws {ConnectionError} if it is no tar archive, or breaks off before its end.
 *
 * @example
 * ```ts
 * import { readTar, writeTar } from "@reanchor/reanchor/resources";
 *
 * const archive = writeTar([{ name: "app/config.json", body: "{}" }]);
 * for await (const entry of readTar(archive)) {
 *   console.log(entry.name, await new Response(entry.body).text()); // app/config.json {}
 * }
 * ```
 */
export async function* readTar(
  archive: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<TarEntry, void, undefined> {
  const input = new Input(archive.getReader());
  try {
    let extended: Extended = {};
    let extensions = 0;
    for (;;) {
      const block = await input.take(BLOCK);
      if (isZero(block)) break;
      const header = readHeader(block);
      if ("LKxg".includes(header.flag)) {
        extensions += 1;
        if (extensions > MAX_EXTENSIONS) throw malformed("an entry has too many headers");
      } else extensions = 0;
      if (header.flag === "L" || header.flag === "K" || header.flag === "x") {
        Object.assign(extended, await readExtension(input, header));
        continue;
      }
      if (header.flag === "g") {
        await input.skip(padded(header.size));
        continue;
      }
      const { name = header.name, linkName = header.linkName, size = header.size } = extended;
      extended = {};
      const { mode, modifiedAt } = header;
      const type = types[header.flag] ?? "other";
      // Links and devices have no body, whatever their size says; GNU tar writes one for a hard link.
      const length = type === "file" || type === "other" ? size : 0;
      const body = new Body(input, length);
      yield { name, type, size: length, mode, modifiedAt, linkName, body: body.stream };
      await body.finish();
    }
    // The second block of the end. What follows is padding up to a record.
    if (!isZero(await input.take(BLOCK))) throw malformed("its end is no end");
    await input.drain();
  } finally {
    await input.cancel();
  }
}

/** What headers before an entry say of it. */
interface Extended {
  name?: string;
  linkName?: string;
  size?: number;
}

interface Header {
  readonly name: string;
  readonly linkName: string;
  readonly size: number;
  readonly mode: number;
  readonly modifiedAt: number;
  readonly flag: string;
}

function readHeader(block: Uint8Array): Header {
  let sum = 0;
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 32 : byte;
  if (sum !== number(block, 148, 8)) throw malformed("a header's checksum is wrong");
  const isUstar = text(block, 257, 5) === "ustar" && block[262] === 0;
  const prefix = isUstar ? text(block, 345, 155) : "";
  const name = text(block, 0, 100);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    size: number(block, 124, 12),
    mode: number(block, 100, 8) & 0o7777,
    modifiedAt: number(block, 136, 12) * 1_000,
    flag: String.fromCharCode(block[156] ?? 0),
  };
}

async function readExtension(input: Input, { flag, size }: Header): Promise<Extended> {
  if (size > MAX_EXTENSION_BYTES) throw malformed(`a name has ${size} bytes`);
  const bytes = (await input.take(padded(size))).subarray(0, size);
  if (flag === "L") return { name: text(bytes, 0, size) };
  if (flag === "K") return { linkName: text(bytes, 0, size) };
  return readPax(bytes);
}

/** Records such as `30 path=some/long/name`, each with its length in bytes first (POSIX pax). */
function readPax(bytes: Uint8Array<ArrayBuffer>): Extended {
  const found: Extended = {};
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const digits = space === -1 ? "" : decode(bytes.subarray(at, Math.min(space, at + 10)));
    const length = Number(digits);
    const isWhole = /^\d+$/.test(digits) && length > space - at && at + length <= bytes.length;
    if (!isWhole || bytes[at + length - 1] !== 10) throw malformed("a pax header is malformed");
    const record = decode(bytes.subarray(space + 1, at + length - 1));
    const equals = record.indexOf("=");
    const value = record.slice(equals + 1);
    const key = record.slice(0, Math.max(equals, 0));
    if (value.includes("\0")) throw malformed(`pax field ${key} has a NUL`);
    if (key.startsWith("GNU.sparse."))
      throw malformed("a file in it is stored as a sparse one, which is not supported");
    if (key === "path") found.name = value;
    if (key === "linkpath") found.linkName = value;
    if (key === "size") found.size = wholeNumber(value);
    at += length;
  }
  return found;
}

function wholeNumber(digits: string): number {
  const value = Number(digits);
  if (!/^\d+$/.test(digits) || !Number.isSafeInteger(value)) throw malformed("a size is no number");
  return value;
}

/** Octal digits, or GNU tar's big-endian binary if the first bit is set. */
function number(block: Uint8Array, at: number, length: number): number {
  const bytes = block.subarray(at, at + length);
  if ((bytes[0] ?? 0) & 0x80) {
    let value = (bytes[0] ?? 0) & 0x7f;
    for (const byte of bytes.subarray(1)) value = value * 256 + byte;
    if (!Number.isSafeInteger(value)) throw malformed("a number in a header is too large");
    return value;
  }
  const digits = text(block, at, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw malformed("a number in a header is no octal number");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

/** A text that ends at its first NUL. */
function text(block: Uint8Array, at: number, length: number): string {
  const bytes = block.subarray(at, at + length);
  const end = bytes.indexOf(0);
  return decode(end === -1 ? bytes : bytes.subarray(0, end));
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** An entry's body: a part of the archive. */
class Body {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #input: Input;
  #left: number;
  readonly #padding: number;
  /** The read that is under way: another one has to wait for it. */
  #reading: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(input: Input, size: number) {
    this.#input = input;
    this.#left = size;
    this.#padding = padded(size) - size;
    this.stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: async (controller) => {
          if (this.#isOver)
            throw new TypeError("Cannot read an entry after the next was asked for");
          if (this.#left === 0) return controller.close();
          const reading = this.#input.takeUpTo(this.#left);
          this.#reading = reading.catch(() => {});
          const bytes = await reading;
          this.#left -= bytes.length;
          controller.enqueue(bytes);
          if (this.#left === 0) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Skips what is left, so that the next header can be read. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#reading;
    await this.#input.skip(this.#left + this.#padding);
  }
}

/** The archive's bytes. */
class Input {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #pending = new ByteQueue();
  #isOver = false;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>) {
    this.#reader = reader;
  }

  async take(length: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#pending.size < length) await this.#more();
    return this.#pending.take(length);
  }

  async takeUpTo(length: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#pending.size === 0) await this.#more();
    return this.#pending.take(Math.min(length, this.#pending.firstSize));
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0;) {
      if (this.#pending.size === 0) await this.#more();
      const step = Math.min(left, this.#pending.size);
      this.#pending.skip(step);
      left -= step;
    }
  }

  /** Reads what follows the archive's end. */
  async drain(): Promise<void> {
    for (let size = 0; !this.#isOver;) {
      const { done, value } = await this.#reader.read();
      this.#isOver = done;
      size += value?.length ?? 0;
      if (size > MAX_REST_BYTES) throw malformed("too much follows its end");
    }
  }

  async cancel(): Promise<void> {
    if (this.#isOver) return;
    await this.#reader.cancel().catch(() => {});
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#reader.read();
    this.#isOver = done;
    if (done) throw malformed("it breaks off before its end");
    this.#pending.push(value);
  }
}

function malformed(why: string): ConnectionError {
  return new ConnectionError(`Cannot read the tar archive: ${why}`);
}
