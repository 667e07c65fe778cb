/**
 * {@link nodePrograms}, loaded when the first program is run: most clients run none.
 *
 * @module
 */

import type { Programs } from "../../src/runtime.ts";

async function load(): Promise<Programs> {
  return (await import("./node-programs.ts")).nodePrograms;
}

/** Runs programs. */
export const lazyPrograms: Programs = {
  run: async (command, signal) => await (await load()).run(command, signal),
  stdinIsTerminal: async () => await (await load()).stdinIsTerminal(),
};
