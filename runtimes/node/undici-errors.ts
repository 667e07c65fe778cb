/**
 * What Node and undici throw, in the core's words.
 *
 * @module
 */

import type { Failure } from "../../src/runtime.ts";
import { failureByCode } from "../_shared/node-error-codes.ts";

const undiciFailures: Readonly<Record<string, Failure>> = {
  // The other side closed, before or in the middle of the response's headers.
  UND_ERR_SOCKET: "lost",
  UND_ERR_CONNECT_TIMEOUT: "unreachable",
  ERR_PROXY: "unreachable",
};

/** See {@link Runtime.explain}. */
export function explain(error: unknown): Failure {
  return failureByCode(error, undiciFailures) ?? "other";
}
