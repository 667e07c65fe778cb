/**
 * Sends the header lines of an impersonation.
 *
 * @module
 */

import type { HeaderLine } from "../runtime.ts";
import type { Send } from "./request.ts";

/** Whether several lines have one name. */
export function hasRepeats(lines: readonly HeaderLine[]): boolean {
  return new Set(lines.map(([name]) => name)).size < lines.length;
}

/** Adds the lines to each request whose caller impersonates nobody. */
export function withImpersonation(send: Send, lines: readonly HeaderLine[]): Send {
  const repeated = hasRepeats(lines);
  return async (request) => {
    if (request.headers.has("impersonate-user")) return await send(request);
    // Joined by a comma, several groups would be one of a strange name.
    if (repeated) return await send({ ...request, headerLines: lines });
    for (const [name, value] of lines) request.headers.set(name, value);
    return await send(request);
  };
}
