/**
 * Whether a file is there: in place of `exists.ts` in the npm package, which can't import from JSR.
 *
 * @module
 */

import { deno } from "./shim.ts";

/** Whether a file is there, and may be looked at. */
export async function exists(path: string): Promise<boolean> {
  try {
    await deno().stat(path);
    return true;
  } catch (error) {
    if (error instanceof deno().errors.NotFound) return false;
    throw error;
  }
}
