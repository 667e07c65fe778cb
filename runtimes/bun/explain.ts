/**
 * What Bun throws, in the core's words.
 *
 * @module
 */

import type { Failure } from "../../src/runtime.ts";
import { certificateFailures, errorCodes } from "../_shared/openssl-errors.ts";

const failures: Readonly<Record<string, Failure>> = {
  ...certificateFailures,
  // The other side closed or reset, before or in the middle of the response's headers.
  ECONNRESET: "lost",
  ConnectionClosed: "lost",
  EPIPE: "lost",
  // No connection came about.
  ConnectionRefused: "unreachable",
  ECONNREFUSED: "unreachable",
  FailedToOpenSocket: "unreachable",
  ENOTFOUND: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
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
