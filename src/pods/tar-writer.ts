/**
 * Writes tar archives that GNU tar, busybox and bsdtar read: ustar, with GNU tar's long names, since busybox
 * ignores those of pax.
 *
 * @module
 */

const BLOCK = 512;
const NAME_BYTES = 100;
/** The largest size in octal digits; a larger one is written in GNU tar's binary form. */
const MAX_OCTAL_SIZE = 8 ** 11 - 1;

/** What goes into an archive. */
export interface TarInput {
  /** Its path in the archive, with `/` between its parts. */
  readonly name: string;
  /**
   * What it is.
   *
   * @default "file"
   */
  readonly type?: "file" | "directory" | undefined;
  /** A file's content. A stream needs `size` beside it. */
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array> | undefined;
  /** How many bytes the stream has. */
  readonly size?: number | undefined;
  /**
   * Its permission bits.
   *
   * @default 0o644 for a file, 0o755 for a directory
   */
  readonly mode?: number | undefined;
  /**
   * When it was modified, in milliseconds since the epoch.
   *
   * @default 0
   */
  readonly modifiedAt?: number | undefined;
}

/**
 * Writes an archive while it is read.
 *
 * @param inputs What goes into it, in this order. A stream in it is cancelled if the archive is.
 * @returns The bytes of the archive. It fails with a `TypeError` if a name is empty or has a NUL in it, or if a
 * stream has more or fewer bytes than its `size`.
 *
 * @example
 * ```ts
 * import { writeTar } from "@reanchor/reanchor/resources";
 *
 * const archive = writeTar([
 *   { name: "srv", type: "directory" },
 *   { name: "srv/index.html", body: "<h1>Hello</h1>" },
 * ]);
 * console.log((await new Response(archive).bytes()).length); // 2560
 * ```
 */
export function writeTar(
  inputs: Iterable<TarInput> | AsyncIterable<TarInput>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = generate(inputs);
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return();
      },
    },
    { highWaterMark: 0 },
  );
}

async function* generate(
  inputs: Iterable<TarInput> | AsyncIterable<TarInput>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  for await (const input of inputs) {
    const name = nameOf(input);
    const { body = "" } = input;
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const size = bytes instanceof Uint8Array ? bytes.length : sizeOf(input);
    if (name.length > NAME_BYTES) {
      const longLink = new TextEncoder().encode("././@LongLink");
      yield encodeHeader({ name: longLink, size: name.length + 1, flag: "L" });
      yield padTo(Uint8Array.from([...name, 0]));
    }
    const flag = input.type === "directory" ? "5" : "0";
    const { mode, modifiedAt } = input;
    yield encodeHeader({ name: name.subarray(0, NAME_BYTES), size, flag, mode, modifiedAt });
    if (bytes instanceof Uint8Array) yield padTo(bytes);
    else yield* exactly(bytes, size, input.name);
  }
  yield new Uint8Array(2 * BLOCK);
}

function nameOf({ name, type }: TarInput): Uint8Array {
  if (name === "" || name.includes("\0")) {
    throw new TypeError(`Cannot write ${JSON.stringify(name)} to a tar archive: it is no name`);
  }
  return new TextEncoder().encode(type === "directory" && !name.endsWith("/") ? `${name}/` : name);
}

function sizeOf({ name, size }: TarInput): number {
  if (size !== undefined && Number.isSafeInteger(size) && size >= 0) return size;
  throw new TypeError(`Cannot write ${name} to a tar archive: a stream needs its size in bytes`);
}

/** A stream's bytes and their padding. An archive with more or fewer would be broken. */
async function* exactly(
  body: ReadableStream<Uint8Array>,
  size: number,
  name: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  let written = 0;
  for await (const chunk of body) {
    written += chunk.length;
    if (written > size) break;
    yield Uint8Array.from(chunk);
  }
  if (written !== size) {
    const what = written > size ? "more" : "fewer";
    throw new TypeError(`Cannot write ${name} to a tar archive: it has ${what} than ${size} bytes`);
  }
  yield new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

function padTo(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil(bytes.length / BLOCK) * BLOCK);
  padded.set(bytes);
  return padded;
}

interface Header extends Pick<TarInput, "mode" | "modifiedAt"> {
  readonly name: Uint8Array;
  readonly size: number;
  /** What kind of entry it is: `0` a file, `5` a folder, `L` the name of the next one. */
  readonly flag: "0" | "5" | "L";
}

function encodeHeader({
  name,
  size,
  flag,
  mode = flag === "5" ? 0o755 : 0o644,
  modifiedAt = 0,
}: Header): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const write = (at: number, value: string): void => {
    block.set(new TextEncoder().encode(value), at);
  };
  block.set(name, 0);
  write(100, octal(mode & 0o7777, 7));
  write(108, octal(0, 7));
  write(116, octal(0, 7));
  if (size <= MAX_OCTAL_SIZE) write(124, octal(size, 11));
  else writeBinary(block, size);
  write(136, octal(Math.max(0, Math.floor(modifiedAt / 1_000)), 11));
  write(148, " ".repeat(8));
  write(156, flag);
  write(257, "ustar\x0000");
  const sum = block.reduce((total, byte) => total + byte, 0);
  write(148, `${octal(sum, 6)}\0 `);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function writeBinary(block: Uint8Array<ArrayBuffer>, size: number): void {
  block[124] = 0x80;
  new DataView(block.buffer).setBigUint64(128, BigInt(size));
}
