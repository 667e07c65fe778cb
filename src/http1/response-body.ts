/**
 * The body of an HTTP/1.1 response that is the last one on its connection (RFC 9112 section 6).
 *
 * @module
 */

import { ByteQueue } from "../byte-queue.ts";
import { ConnectionError } from "../errors.ts";
import type { ByteStream } from "../runtime.ts";
import type { ResponseHead } from "./response-head.ts";

/** More than any line of a chunk's size has, with its extensions. */
const MAX_LINE_BYTES = 4096;
const LF = 10;
const sizeLine = /^([0-9a-f]{1,12})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?\r$/i;

/**
 * The body that follows a head.
 *
 * @param first What was read of it with the head.
 * @throws {ConnectionError} if the head does not say where it ends.
 */
export function responseBody(
  stream: ByteStream,
  head: ResponseHead,
  first: Uint8Array<ArrayBuffer>,
): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  if (head.status === 204 || head.status === 304) {
    stream.end();
    return null;
  }
  const pieces = piecesOf(new Input(stream, first), head);
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (done !== true) return controller.enqueue(value);
          controller.close();
          stream.end();
        } catch (error) {
          stream.abort(error);
          throw error;
        }
      },
      cancel: (reason) => stream.abort(reason ?? new ConnectionError("Cannot read on: cancelled")),
    },
    { highWaterMark: 0 },
  );
}

function piecesOf(
  input: Input,
  head: ResponseHead,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const codings = valuesOf(head, "transfer-encoding");
  const lengths = valuesOf(head, "content-length");
  if (codings.length > 0) {
    const isChunked = codings.length === 1 && codings[0]?.toLowerCase() === "chunked";
    if (!isChunked || lengths.length > 0) throw malformed("it has no one length");
    return chunks(input);
  }
  if (lengths.length === 0) return input.rest();
  const [length = ""] = lengths;
  if (!/^\d{1,15}$/.test(length) || lengths.some((other) => other !== length)) {
    throw malformed("it has no one length");
  }
  return input.next(Number(length));
}

function valuesOf({ fields }: ResponseHead, wanted: string): string[] {
  return fields
    .filter(([name]) => name === wanted)
    .flatMap(([, value]) => value.split(",").map((part) => part.trim()));
}

async function* chunks(input: Input): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (;;) {
    const [, digits] = sizeLine.exec(await input.line()) ?? [];
    if (digits === undefined) throw malformed("a chunk has no valid size");
    const size = Number.parseInt(digits, 16);
    if (size === 0) return; // Trailers say nothing that is wanted, and nothing follows them.
    yield* input.next(size);
    if ((await input.line()) !== "\r") throw malformed("a chunk is longer than it says");
  }
}

/** What is left to read of the connection. */
class Input {
  readonly #stream: ByteStream;
  readonly #queue = new ByteQueue();

  constructor(stream: ByteStream, first: Uint8Array<ArrayBuffer>) {
    this.#stream = stream;
    this.#queue.push(first);
  }

  /** So many bytes, as they come. */
  async *next(length: number): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    for (let left = length; left > 0;) {
      if (this.#queue.size === 0) await this.#fill();
      const piece = this.#queue.take(Math.min(left, this.#queue.firstSize));
      left -= piece.length;
      yield piece;
    }
  }

  /** Everything up to the end of the connection. */
  async *rest(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    if (this.#queue.size > 0) yield this.#queue.take(this.#queue.size);
    for (;;) {
      const bytes = await this.#stream.read();
      if (bytes === undefined) return;
      yield bytes;
    }
  }

  /** A line without its line feed. */
  async line(): Promise<string> {
    for (;;) {
      const start = this.#queue.peek(MAX_LINE_BYTES);
      const end = start.indexOf(LF);
      if (end >= 0) {
        this.#queue.skip(end + 1);
        return String.fromCharCode(...start.subarray(0, end));
      }
      if (start.length === MAX_LINE_BYTES) throw malformed("the line of a chunk is too long");
      await this.#fill();
    }
  }

  async #fill(): Promise<void> {
    const bytes = await this.#stream.read();
    if (bytes === undefined) throw malformed("the connection ended before it did");
    this.#queue.push(bytes);
  }
}

function malformed(why: string): ConnectionError {
  return new ConnectionError(`Cannot read the body of the response: ${why}`);
}
