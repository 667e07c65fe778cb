/**
 * What Deno throws, in the core's words. Its `fetch` gives no codes: the messages of rustls and hyper
 * are all there is. Its `node:tls`, where trust is exclusive, has Node's codes.
 *
 * @module
 */

import type { Failure } from "../../src/runtime.ts";
import { failureByCode } from "../_shared/node-error-codes.ts";

/** The first that matches by all of its patterns. */
const failures: readonly (readonly [failure: Failure, ...patterns: RegExp[]])[] = [
  ["wrong-host", /invalid peer certificate: certificate not valid for name/],
  ["wrong-host", /invalid peer certificate: NotValidForName/],
  // Of the leaf or of its anchor; "not valid yet" where this machine's clock is behind.
  [
    "expired",
    /invalid peer certificate: (?:certificate expired|certificate not valid yet|Expired|NotValidYet)/,
  ],
  // UnknownIssuer, or BadSignature where old and new CA share their subject, as in a real rotation.
  ["unknown-authority", /invalid peer certificate/],
  // Lost while connecting, or while waiting for another request's connection: nothing was sent.
  [
    "not-processed",
    /client error \(Connect\)/i,
    /connection reset|peer closed connection|handshake eof|request was canceled/i,
  ],
  // HTTP/2 GOAWAY without an error: h2 says this of the streams after the last one that the server took.
  ["not-processed", /connection error received: not a result of an error/],
  // HTTP/2 REFUSED_STREAM.
  ["not-processed", /refused stream before processing any application logic/],
  ["unreachable", /client error \(Connect\)|received fatal alert/],
  // Of `Deno.connect`, which has no code for it.
  ["unreachable", /failed to lookup address information/],
  ["lost", /peer closed connection|connection closed before message completed/],
  ["lost", /connection reset|broken pipe|connection error|unexpected end of file/i],
];

/** See {@link Runtime.explain}. */
export function explain(error: unknown): Failure {
  const byCode = failureByCode(error);
  if (byCode !== undefined) return byCode;
  const text = messages(error);
  for (const [failure, ...patterns] of failures) {
    if (patterns.every((pattern) => pattern.test(text))) return failure;
  }
  return "other";
}

function messages(error: unknown): string {
  const found: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    found.push(at.message);
  }
  return found.join(" ");
}
