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
  /** The header fields in their order. */
  readonly fields: Iterable<HeaderLine>;
}

const notInTarget = /[^\x21-\x7e]/;
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * A head as text, one character for each byte.
 *
 * @throws {TypeError} if something of it is not what HTTP can carry: it must not begin another line, or another
 * request, whatever let it through.
 */
export function encodeRequestHead({ method, target, fields }: RequestHead): string {
  return `${encodeRequestLine(method, target)}${encodeFields(fields)}\r\n`;
}

/** Encodes the heads of requests to one server. Most have the same fields as the last one, whose lines are kept. */
export class RequestHeadEncoder {
  readonly #hostLine: string;
  #fields: readonly HeaderLine[] = [];
  #lines = "";

  /** @param host What the header `host` says. */
  constructor(host: string) {
    this.#hostLine = encodeFields([["host", host]]);
  }

  /**
   * A head as text, one character for each byte.
   *
   * @param moreFields Those that follow the others.
   * @throws {TypeError} as {@link encodeRequestHead} does.
   */
  encode({ method, target, fields }: RequestHead, moreFields: readonly HeaderLine[]): string {
    const first = `${encodeRequestLine(method, target)}${this.#hostLine}`;
    if (!this.#hasLast(fields)) {
      const given = [...fields];
      this.#lines = encodeFields(given);
      this.#fields = given;
    }
    return `${first}${this.#lines}${encodeFields(moreFields)}\r\n`;
  }

  #hasLast(fields: Iterable<HeaderLine>): boolean {
    let count = 0;
    for (const [name, value] of fields) {
      const last = this.#fields[count];
      if (last === undefined || last[0] !== name || last[1] !== value) return false;
      count += 1;
    }
    return count === this.#fields.length;
  }
}

function encodeRequestLine(method: string, target: string): string {
  if (!fieldName.test(method) || notInTarget.test(target)) throw notCarried("its target");
  return `${method} ${target} HTTP/1.1\r\n`;
}

function encodeFields(fields: Iterable<HeaderLine>): string {
  let text = "";
  for (const [name, value] of fields) {
    if (!fieldName.test(name) || notInValue.test(value)) throw notCarried("a header");
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

function notCarried(what: string): TypeError {
  return new TypeError(`Cannot send the request: ${what} holds what HTTP can't carry`);
}
