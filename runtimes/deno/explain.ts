/**
 * What Deno throws, in the core's words. Its `fetch` gives no codes: the messages of rustls and hyper
 * are all there is. Its `node:https`, where trust is exclusive, has Node's codes.
 *
 * @module
 */

import type { Failure } from "../../src/runtime.ts";
import { failureByCode } from "../_shared/error-codes.ts";

const failures: readonly (readonly [pattern: RegExp, failure: Failure])[] = [
  [/invalid peer certificate: certificate not valid for name/, "wrong-host"],
  [/invalid peer certificate: NotValidForName/, "wrong-host"],
  // Of the leaf or of its anchor; "not valid yet" where this machine's clock is behind.
  [
    /invalid peer certificate: (?:certificate expired|certificate not valid yet|Expired|NotValidYet)/,
    "expired",
  ],
  // UnknownIssuer, or BadSignature where old and new CA share their subject, as in a real rotation.
  [/invalid peer certificate/, "unknown-authority"],
  // Lost while connecting, or while waiting for another request's connection: nothing was sent.
  [
    /client error \(Connect\).*(?:connection reset|peer closed connection|handshake eof|request was canceled)/i,
    "not-processed",
  ],
  // HTTP/2 GOAWAY without an error: h2 says this of the streams after the last one that the server took.
  [/connection error received: not a result of an error/, "not-processed"],
  // HTTP/2 REFUSED_STREAM.
  [/refused stream before processing any application logic/, "not-processed"],
  [/client error \(Connect\)|received fatal alert/, "unreachable"],
  // Of `Deno.connect`, which has no code for it.
  [/failed to lookup address information/, "unreachable"],
  [/peer closed connection|connection closed before message completed/, "lost"],
  [/connection reset|broken pipe|connection error|unexpected end of file/i, "lost"],
];

/** See {@link Runtime.explain}. */
export function explain(error: unknown): Failure {
  const byCode = failureByCode(error);
  if (byCode !== undefined) return byCode;
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
