/**
 * Files by way of `node:fs`, which Node and Bun share.
 *
 * @module
 */

import { access, constants, open } from "node:fs/promises";
import type { Files } from "../../src/runtime.ts";
import { readBounded } from "./bounded-read.ts";
import { codeOf } from "./code-of.ts";
import { process } from "./process.ts";

// Not every system has the two: Windows has no FIFOs to wait for.
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** Reads regular files. */
export const nodeFiles: Files = {
  async read(path, maxBytes, signal) {
    // Without waiting for a writer: a FIFO that is opened to block holds a thread of the pool for good,
    // and four of them stop DNS look-ups too.
    const file = await open(path, flags);
    try {
      const opened = {
        async stat() {
          const stats = await file.stat();
          return { isFile: stats.isFile(), size: stats.size };
        },
        // At the file's own position: not every file in `/proc` can be read at another.
        read: async (into: Uint8Array) => (await file.read(into, 0, into.length, null)).bytesRead,
      };
      return await readBounded(opened, maxBytes, signal);
    } finally {
      await file.close();
    }
  },
  async exists(path) {
    try {
      await access(path);
      return true;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return false;
      throw error;
    }
  },
  workingFolder() {
    try {
      return process.cwd();
    } catch {
      return undefined; // It was deleted.
    }
  },
};
