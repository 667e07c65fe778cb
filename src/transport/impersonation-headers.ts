/**
 * Sends the header lines of an impersonation.
 *
 * @module
 */

import type { HeaderLine } from "../runtime.ts";
import type { Send } from "./request.ts";
import { rememberLast } from "./shared-headers.ts";

/** Whether several lines have one name. */
export function hasRepeats(lines: readonly HeaderLine[]): boolean {
  return new Set(lines.map(([name]) => name)).size < lines.length;
}

/** Adds the lines to each request whose caller impersonates nobody. */
export function withImpersonation(send: Send, lines: readonly HeaderLine[]): Send {
  const repeated = hasRepeats(lines);
  const withLines = rememberLast((headers) => new Map([...headers, ...lines]));
  return (request) => {
    if (request.headers.has("impersonate-user")) return send(request);
    // Joined by a comma, several groups would be one of a strange name.
    if (repeated) return send({ ...request, headerLines: lines });
    request.headers = withLines(request.headers);
    return send(request);
  };
}
