/**
 * Files by way of `node:fs`, which Node and Bun share.
 *
 * @module
 */

import { access, constants, open } from "node:fs/promises";
import { SourceError } from "../../src/errors.ts";
import type { Files } from "../../src/runtime.ts";

// Not every system has the two: Windows has no FIFOs to wait for.
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** Reads regular files. */
export const nodeFiles: Files = {
  async read(path, maxBytes) {
    // Without waiting for a writer: a FIFO that is opened to block holds a thread of the pool for good,
    // and four of them stop DNS look-ups too.
    const file = await open(path, flags);
    try {
      const { size, isFile } = await file.stat().then((stats) => ({
        size: stats.size,
        isFile: stats.isFile(),
      }));
      if (!isFile) throw new SourceError("it is not a regular file", "unreadable");
      if (size > maxBytes)
        throw new SourceError(`it is larger than ${maxBytes} bytes`, "too-large");
      return await file.readFile();
    } finally {
      await file.close();
    }
  },
  async exists(path) {
    try {
      await access(path);
      return true;
    } catch {
      return false;
    }
  },
};
