/**
 * The process. `import "node:process"` reads all of its exports, and so opens the standard streams: that takes as long
 * as to load this whole client, and is a side effect.
 *
 * @module
 */

/** What `node:process` exports by default. */
export const process: typeof globalThis.process = globalThis.process;
