/**
 * Local ports: what can be one, and why one can't be had.
 *
 * @module
 */

import { cleanCause, cleanForeignMessage } from "./clean-cause.ts";
import { ConfigError } from "./errors.ts";

/** Where connections are accepted. */
export interface LocalAddress {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
}

/**
 * Checks the option `port` of a function `listen()`.
 *
 * @throws {RangeError} if it is not a whole number from 0 to 65535.
 */
export function checkLocalPort(port: unknown): void {
  if (typeof port === "number" && Number.isInteger(port) && port >= 0 && port <= 65_535) return;
  throw new RangeError(
    "Cannot use option port of listen: it must be a whole number from 0 to 65535",
  );
}

/** The error of a port that can't be had, as one that is in use. */
export function unableToListen(
  { host, port }: LocalAddress,
  cause: unknown,
  advice: string,
): ConfigError {
  const reason = cleanForeignMessage(cause instanceof Error ? cause.message : String(cause));
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new ConfigError(`Cannot listen on ${place}: ${reason}; ${advice}`, {
    cause: cleanCause(cause),
  });
}

/** What to do if an address can't be had whose port was chosen. */
export const ANOTHER_PORT = "change the option port; with 0, the system picks a free one";
