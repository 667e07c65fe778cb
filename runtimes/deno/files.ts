/**
 * Files on Deno.
 *
 * @module
 */

import type { Files } from "../../src/runtime.ts";
import { notRegular, readBounded } from "../_shared/bounded-read.ts";
import { exists } from "./exists.ts";
import { isDenied } from "./permissions.ts";
import { deno } from "./shim.ts";

/** Reads regular files. */
export const denoFiles: Files = {
  async read(path, maxBytes, signal) {
    // Only to open no FIFO, which would wait for its writer: what is opened is looked at again.
    if (!(await deno().stat(path)).isFile) throw notRegular();
    const file = await deno().open(path, { read: true });
    try {
      const opened = {
        stat: async () => await file.stat(),
        read: async (into: Uint8Array) => (await file.read(into)) ?? 0,
      };
      return await readBounded(opened, maxBytes, signal);
    } finally {
      file.close();
    }
  },
  async exists(path) {
    if (isDenied("read", path)) return false;
    return await exists(path);
  },
  workingFolder() {
    try {
      return deno().cwd();
    } catch {
      return undefined; // It was deleted.
    }
  },
};
