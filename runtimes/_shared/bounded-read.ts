/**
 * Reads a file that has been opened, and that may be anything by now: what a path named a moment ago says
 * nothing of it, and neither does its size. Files in `/proc` have a size of 0, others grow while they are read.
 *
 * @module
 */

import { SourceError } from "../../src/errors.ts";

/** A file that has been opened. */
export interface OpenedFile {
  /** What the opened file itself is, never what its path names. */
  stat(): Promise<{ readonly isFile: boolean; readonly size: number }>;
  /** Reads the next bytes, and returns how many; 0 at the end. */
  read(into: Uint8Array): Promise<number>;
}

/** Files in `/proc` want to be read in whole pages. */
const PAGE_BYTES = 4_096;

/**
 * Reads a regular file to its end.
 *
 * @throws {SourceError} if it is no regular file, or as soon as it has given more than `maxBytes`.
 */
export async function readBounded(
  file: OpenedFile,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { isFile, size } = await file.stat();
  if (!isFile) throw notRegular();
  if (size > maxBytes) throw tooLarge(maxBytes);
  // One byte more, so that the read which finds the end needs no larger buffer.
  let buffer = new Uint8Array(wholePages(size + 1));
  let length = 0;
  for (;;) {
    signal.throwIfAborted();
    const count = await file.read(buffer.subarray(length));
    if (count === 0) return buffer.subarray(0, length);
    length += count;
    if (length > maxBytes) throw tooLarge(maxBytes);
    if (length < buffer.length) continue;
    const larger = new Uint8Array(Math.min(2 * buffer.length, wholePages(maxBytes + 1)));
    larger.set(buffer);
    buffer = larger;
  }
}

function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

/** What a path or an opened file names is a directory, a device, a FIFO or a socket. */
export function notRegular(): SourceError {
  return new SourceError("it is not a regular file", "unreadable");
}

function tooLarge(maxBytes: number): SourceError {
  return new SourceError(`it is larger than ${maxBytes} bytes`, "too-large");
}
