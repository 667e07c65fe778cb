/**
 * What Bun throws, in the core's words.
 *
 * @module
 */

import type { Failure } from "../../src/runtime.ts";
import { failureByCode } from "../_shared/node-error-codes.ts";

const bunFailures: Readonly<Record<string, Failure>> = {
  ConnectionClosed: "lost",
  ConnectionRefused: "unreachable",
  FailedToOpenSocket: "unreachable",
};

/** See {@link Runtime.explain}. */
export function explain(error: unknown): Failure {
  return failureByCode(error, bunFailures) ?? "other";
}
