/**
 * How much of a body is read.
 *
 * @module
 */

import type { BodyLimit } from "../../src/runtime.ts";

/** No limit, unless told otherwise. */
export function bodyLimit(parts: Partial<BodyLimit> = {}): BodyLimit {
  const { signal } = new AbortController();
  const maxBytes = Number.POSITIVE_INFINITY;
  return { maxBytes, cutsRest: false, signal, onPiece: () => {}, ...parts };
}
