/**
 * What Deno throws, in the core's words. It carries no codes: the messages of rustls and hyper are all
 * there is.
 *
 * @module
 */

import type { Failure } from "../../src/runtime.ts";

const failures: readonly (readonly [pattern: RegExp, failure: Failure])[] = [
  [/invalid peer certificate: certificate not valid for name/, "wrong-host"],
  [/invalid peer certificate: NotValidForName/, "wrong-host"],
  // Of the leaf or of its anchor; "not valid yet" where this machine's clock is behind.
  [/invalid peer certificate: (?:certificate expired|certificate not valid yet|Expired|NotValidYet)/, "expired"],
  // UnknownIssuer, or BadSignature where old and new CA share their subject, as in a real rotation.
  [/invalid peer certificate/, "unknown-authority"],
  [/tcp connect error|dns error|failed to lookup address|Connection refused/i, "unreachable"],
  [/received fatal alert|tls handshake eof/i, "unreachable"],
  [/connection closed before message completed|connection reset|connection error|broken pipe/i, "lost"],
  [/unexpected end of file|error reading a body|channel closed|connection was not ready/i, "lost"],
  // node:https, where exclusiveTrust asks for it.
  [/socket hang up|ECONNRESET|EPIPE/, "lost"],
];

/** See {@link Runtime.explain}. */
export function explain(error: unknown): Failure {
  const text = messages(error);
  return failures.find(([pattern]) => pattern.test(text))?.[1] ?? "other";
}

function messages(error: unknown): string {
  const found: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    found.push(at.message);
  }
  return found.join(" ");
}
