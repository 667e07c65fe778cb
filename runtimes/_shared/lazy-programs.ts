/**
 * Programs whose code is loaded when the first one is run: most clients run none.
 *
 * @module
 */

import type { Programs } from "../../src/runtime.ts";

/** Runs programs by what `load` gives. */
export function lazyPrograms(load: () => Promise<Programs>): Programs {
  return {
    run: async (command, signal) => await (await load()).run(command, signal),
    stdinIsTerminal: async () => await (await load()).stdinIsTerminal(),
  };
}
