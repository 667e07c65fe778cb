/**
 * The head of an HTTP/1.1 request as it is sent.
 *
 * @module
 */

import type { HeaderLine } from "../runtime.ts";
import { fieldName } from "./response-head.ts";

/** What is asked for. */
export interface RequestHead {
  readonly method: string;
  /** The request target, as in `/version?timeout=1s` or `example.com:443`. */
  readonly target: string;
  /** The host of the target, if the fields do not name it. */
  readonly host?: string | undefined;
  /** The header fields in their order. */
  readonly fields: Iterable<HeaderLine>;
  /** Those that follow them. */
  readonly moreFields?: readonly HeaderLine[];
}

const notInTarget = /[^\x21-\x7e]/;
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * A head as text, one character for each byte.
 *
 * @throws {TypeError} if something of it is not what HTTP can carry: it must not begin another line, or another
 * request, whatever let it through.
 */
export function encodeRequestHead({
  method,
  target,
  host,
  fields,
  moreFields = [],
}: RequestHead): string {
  if (!fieldName.test(method) || notInTarget.test(target)) throw notCarried("its target");
  const first = `${method} ${target} HTTP/1.1\r\n`;
  const begin = host === undefined ? first : `${first}host: ${host}\r\n`;
  return `${encodeFields(moreFields, encodeFields(fields, begin))}\r\n`;
}

function encodeFields(fields: Iterable<HeaderLine>, before: string): string {
  let text = before;
  for (const [name, value] of fields) {
    if (!fieldName.test(name) || notInValue.test(value)) throw notCarried("a header");
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

function notCarried(what: string): TypeError {
  return new TypeError(`Cannot send the request: ${what} holds what HTTP can't carry`);
}
