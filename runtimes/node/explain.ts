/**
 * What Node and undici throw, in the core's words.
 *
 * @module
 */

import type { Failure } from "../../src/runtime.ts";
import { certificateFailures, errorCodes } from "../_shared/openssl-errors.ts";

const failures: Readonly<Record<string, Failure>> = {
  ...certificateFailures,
  // The other side closed or reset, before or in the middle of the response's headers.
  UND_ERR_SOCKET: "lost",
  ECONNRESET: "lost",
  ECONNABORTED: "lost",
  EPIPE: "lost",
  // No connection came about.
  UND_ERR_CONNECT_TIMEOUT: "unreachable",
  ECONNREFUSED: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ENOTFOUND: "unreachable",
  EAI_AGAIN: "unreachable",
  ETIMEDOUT: "unreachable",
  EPROTO: "unreachable",
};

/** See {@link Runtime.explain}. */
export function explain(error: unknown): Failure {
  for (const code of errorCodes(error)) {
    const failure = failures[code];
    if (failure !== undefined) return failure;
  }
  return "other";
}
