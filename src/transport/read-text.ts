/**
 * Reads a body as text, and no more of it than a limit allows.
 *
 * @module
 */

import type { BodyLimit, TransportResponse } from "../runtime.ts";

/** A body has more bytes than its limit. */
export class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError";
}

/**
 * Reads a body to its end. What a limit leaves unread is given up.
 *
 * @param announced How many bytes it will have, if that is known.
 */
export async function readText(
  body: ReadableStream<Uint8Array> | null,
  limit: BodyLimit,
  announced?: number,
): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader();
  const end = untilAborted(reader, limit);
  const gathered = new GatheredBytes(limit, announced);
  let isWhole = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      isWhole = done;
      if (done) return gathered.decode();
      limit.onPiece(value.length);
      if (!gathered.add(value)) return gathered.decode();
    }
  } finally {
    end(isWhole);
  }
}

/** Has a reader end with its request; returns what ends that. */
export function untilAborted(
  reader: ReadableStreamGenericReader,
  { signal }: BodyLimit,
): (isWhole: boolean) => void {
  const giveUp = (): void => void reader.cancel(signal.reason).catch(() => {});
  // Most bodies end with their request's signal, but a `fetch` on edge may be anybody's.
  signal.addEventListener("abort", giveUp);
  return (isWhole) => {
    signal.removeEventListener("abort", giveUp);
    if (!isWhole) giveUp();
  };
}

/** How many bytes a body has by its headers; `undefined` if they don't say, or it was compressed. */
export function declaredBytes(response: Pick<TransportResponse, "header">): number | undefined {
  const length = response.header("content-length");
  if (length === null || response.header("content-encoding") !== null) return undefined;
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

const MIN_CAPACITY = 64 * 1024;
/** No more than this is set aside by what a server announces. */
export const MAX_ANNOUNCED: number = 32 * 1024 * 1024;

/**
 * The bytes of a large body on their way to its text. They make place for it: a list may have 30 MB. They are
 * copied at once, since a piece of a few bytes may keep a much larger buffer alive.
 */
export class GatheredBytes {
  readonly #limit: BodyLimit;
  #bytes: Uint8Array<ArrayBuffer>;
  #size = 0;

  /** @param announced How many bytes will come, if that is known: they are then copied once. */
  constructor(limit: BodyLimit, announced = 0) {
    this.#limit = limit;
    this.#bytes = new Uint8Array(Math.min(announced, limit.maxBytes, MAX_ANNOUNCED));
  }

  /**
   * Adds a piece.
   *
   * @returns Whether more may come; if not, the text ends here.
   * @throws {BodyTooLargeError} if it is too much, and what is too much is not to be cut off.
   */
  add(piece: Uint8Array): boolean {
    const { maxBytes, cutsRest } = this.#limit;
    const room = maxBytes - this.#size;
    if (piece.length > room && !cutsRest) throw new BodyTooLargeError();
    this.#append(piece.length > room ? piece.subarray(0, room) : piece);
    return piece.length <= room;
  }

  /** Them as text, once: none is kept. */
  decode(): string {
    return decodeOnce(this.#bytes, this.#size);
  }

  #append(piece: Uint8Array): void {
    const size = this.#size + piece.length;
    if (size > this.#bytes.length) {
      const grown = Math.max(size, 2 * this.#bytes.length, MIN_CAPACITY);
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(grown));
    }
    this.#bytes.set(piece, this.#size);
    this.#size = size;
  }
}

/** Bytes as text, without a byte order mark; none is kept. */
export function decodeOnce(bytes: Uint8Array<ArrayBuffer>, size: number): string {
  const text = new TextDecoder().decode(bytes.subarray(0, size));
  // Now, and not when garbage is collected: to parse the text takes a lot of memory.
  bytes.buffer.transfer(0);
  return text;
}
