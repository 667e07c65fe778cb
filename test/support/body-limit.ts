/**
 * The limit of a body that is read.
 *
 * @module
 */

import type { BodyLimit } from "../../src/runtime.ts";

/** No limit by default. */
export function bodyLimit(parts: Partial<BodyLimit> = {}): BodyLimit {
  const { signal } = new AbortController();
  const maxBytes = Number.POSITIVE_INFINITY;
  return { maxBytes, cutsRest: false, signal, onPiece: () => {}, ...parts };
}
