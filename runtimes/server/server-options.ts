/**
 * The options of a server's rotation, checked.
 *
 * @module
 */

import {
  type DurationRange,
  checkDuration,
  checkKnown,
  timeLimit,
  checkObject,
} from "../../src/options.ts";
import { checkDistances } from "../../src/rotation/expiry-warnings.ts";
import { checkSource } from "../../src/sources/source.ts";
import type { RotateServerOptions } from "./rotating-server.ts";
import type { ServerRotationParts } from "./server-rotation.ts";

const optionNames: readonly (keyof RotateServerOptions)[] = [
  "cert",
  "clientCa",
  "drainTimeoutMs",
  "holdTimeoutMs",
  "maxHeldConnections",
  "onEvent",
  "warnBeforeExpiryMs",
];

const holdLimit: DurationRange = { min: 1, max: 600_000 };

/**
 * Checks options, and fills in what they leave out.
 *
 * @throws {TypeError | RangeError} if one is none.
 */
export function checkServerOptions(
  options: RotateServerOptions,
): Omit<ServerRotationParts, "server" | "clock"> {
  const hint = "pass { cert: fileServerCertSource(...) }";
  checkObject("the options of rotateServer", options, hint);
  checkKnown("rotateServer", options, optionNames);
  const { cert, clientCa, drainTimeoutMs, holdTimeoutMs, maxHeldConnections, onEvent } = options;
  const makers = "fileServerCertSource() or functionServerCertSource()";
  if (cert === undefined) {
    throw new TypeError(
      `Cannot rotate the server: option cert is missing; make one with ${makers}`,
    );
  }
  checkSource("option cert", cert, makers);
  checkSource("option clientCa", clientCa, "fileCaSource() or staticCaSource()");
  return {
    cert,
    clientCa,
    drainTimeoutMs: checkDuration("drainTimeoutMs", drainTimeoutMs, timeLimit) ?? 30_000,
    holdTimeoutMs: checkDuration("holdTimeoutMs", holdTimeoutMs, holdLimit) ?? 10_000,
    warnBeforeExpiryMs: checkDistances(options.warnBeforeExpiryMs),
    maxHeldConnections: checkCount("maxHeldConnections", maxHeldConnections, 1_000),
    onEvent,
  };
}

function checkCount(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isInteger(value) && value >= 0) return value;
  throw new RangeError(`Cannot use option ${name}: it must be a whole number of at least 0`);
}
