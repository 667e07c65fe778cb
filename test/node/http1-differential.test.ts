/**
 * The same responses given to three HTTP/1.1 parsers: ours, undici and `node:http`. Ours rejects everything
 * that one of the others rejects. What both accept, ours parses in the same way, or rejects for a reason that
 * is listed here.
 *
 * @module
 */

import { expect, test } from "vitest";
import { corpus } from "../support/http1-corpus.ts";
import { type Reading, readByNode, readByOurs, readByUndici } from "./support/http1-parsers.ts";

/** Responses that RFC 9110 and 9112 allow but one of the others rejects, and what ours does with them. */
const lawful: Readonly<Record<string, RegExp>> = {
  "blanks after a length, which undici takes for a part of it": /\r\nContent-Length:\s*5[ \t]+\r\n/,
  "a 100 that nobody asked for, which a client has to skip": /^HTTP\/1\.1 100 /,
  "more bytes than announced: the response is whole, and its connection ends":
    /\r\nContent-Length: [04]\r\n\r\nhello$/,
};

/** Cases in which ours is stricter than the other two, which use the same parser. */
const stricter: Readonly<Record<string, RegExp>> = {
  "a control character in the reason": /^HTTP\/1\.1 200 [^\r\n]*[^\t\r\n\x20-\x7e\x80-\xff]/,
  "the status is none of RFC 9110": /^HTTP\/1\.1 (?:000|099|600|999) /,
  "chunks of HTTP/1.0": /^HTTP\/1\.0 .*\r\nTransfer-Encoding/s,
  "a transfer encoding beside chunked, or another one":
    /\r\nTransfer-Encoding:(?!\s*chunked\s*\r\n)/i,
  "several transfer encodings": /\r\nTransfer-Encoding:.*\r\nTransfer-Encoding:/is,
  "a status line in another case, or of another protocol": /^(?!HTTP\/1\.[01] )/,
  "a number of more digits than any length has": /Content-Length: 0{15,}/,
  "a chunk's size of more digits than any has": /\r\n\r\n0{12,}/,
  "an informational response with a body":
    /^HTTP\/1\.1 103 A\r\n(?:Transfer-Encoding|Content-Length: [1-9])/,
  "a chunk's extension that is none": /\r\n\r\n5;/,
};

test("every response is read as by undici and node:http, or rejected if one of them rejects it", async () => {
  const wrong: string[] = [];
  const unused = new Set([...Object.keys(lawful), ...Object.keys(stricter)]);
  let accepted = 0;
  for (const one of corpus) {
    const [ours, undici, node] = [readByOurs(one), await readByUndici(one), await readByNode(one)];
    if (ours !== "rejected") accepted += 1;
    const rejects = undici === "rejected" || node === "rejected";
    const isStricter = Object.values(stricter).some((pattern) => pattern.test(one.text));
    const isLawful = Object.values(lawful).some((pattern) => pattern.test(one.text));
    const isRight = rejects
      ? ours === "rejected" || isLawful
      : ours === "rejected"
        ? isStricter
        : same(ours, undici) && same(ours, node);
    // Each reason is needed by some response.
    const needed = rejects
      ? ours === "rejected"
        ? {}
        : lawful
      : ours === "rejected"
        ? stricter
        : {};
    for (const [why, pattern] of Object.entries(needed)) {
      if (pattern.test(one.text)) unused.delete(why);
    }
    if (!isRight)
      wrong.push(
        JSON.stringify({ name: one.name, text: one.text.slice(0, 120), ours, undici, node }),
      );
  }
  expect(wrong).toEqual([]);
  expect([...unused]).toEqual([]);
  expect(accepted).toBeGreaterThan(80);
}, 120_000);

function same(a: Reading, b: Reading): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
