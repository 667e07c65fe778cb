/**
 * Tells those who got the build for edge runtimes without having asked for it: bundlers pick it if nothing says
 * that a program runs on Node.
 *
 * @module
 */

import { ConfigError } from "../../src/errors.ts";

const HINT =
  'this is the build of reanchor for edge runtimes; if the program runs on Node, Deno or Bun, import reanchor/node, reanchor/deno or reanchor/bun, or have your bundler pick the export condition "node" (esbuild: --platform=node)';

/** What an edge runtime can't do: every other error has nothing to do with the build. */
const isOfEdge = /\bedge\b|\bthis runtime\b/;

/** Adds the hint to an error that says what an edge runtime can't do. */
function withBuildHint(error: unknown): unknown {
  if (!(error instanceof ConfigError) || !isOfEdge.test(error.message)) return error;
  return new ConfigError(`${error.message}; ${HINT}`, { cause: error.cause });
}

/** Calls, and adds the hint to what is thrown. */
export function hinted<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw withBuildHint(error);
  }
}

/** As {@link hinted}, for what rejects. */
export async function hintedAsync<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw withBuildHint(error);
  }
}
