/**
 * Reads a large body where Deno writes it in place: that saves a buffer for each piece, and a copy.
 *
 * @module
 */

import type { BodyLimit } from "../../src/runtime.ts";
import {
  MAX_ANNOUNCED,
  decodeOnce,
  readText,
  untilAborted,
} from "../../src/transport/read-text.ts";

/**
 * Reads a body to its end, as {@link readText} does.
 *
 * @param announced How many bytes it has, if that is known.
 */
export async function fillText(
  body: ReadableStream<Uint8Array> | null,
  limit: BodyLimit,
  announced?: number,
): Promise<string> {
  const isBounded = announced !== undefined && announced <= Math.min(limit.maxBytes, MAX_ANNOUNCED);
  const reader = isBounded ? readerOf(body) : undefined;
  if (reader === undefined || announced === undefined) return await readText(body, limit);
  const end = untilAborted(reader, limit);
  let isWhole = false;
  try {
    // One more than there will be, to see the end.
    let bytes = new Uint8Array(announced + 1);
    for (let size = 0; ;) {
      const { done, value } = await reader.read(bytes.subarray(size));
      isWhole = done;
      // It was given up, and who has done that waits for no text.
      if (value === undefined) return "";
      bytes = new Uint8Array(value.buffer);
      if (done) return decodeOnce(bytes, size);
      limit.onPiece(value.length);
      size += value.length;
      if (size > announced) throw new Error("It has more bytes than announced");
    }
  } finally {
    end(isWhole);
  }
}

/** A reader that fills what it is given; `undefined` if the body has none. */
function readerOf(body: ReadableStream<Uint8Array> | null): ReadableStreamBYOBReader | undefined {
  try {
    return body?.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}
