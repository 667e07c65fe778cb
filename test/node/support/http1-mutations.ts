/**
 * Damaged responses of HTTP/1.1, at random positions.
 *
 * @module
 */

import { corpus } from "../../support/http1-corpus.ts";
import type { Random } from "../../support/random.ts";

/** What a mutation inserts: what parsers look at. */
const pieces = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "\n\n",
  ":",
  ";",
  ",",
  " ",
  "\t",
  "\u0000",
  "\u007f",
  "\u0080",
  "\u00ff",
  '"',
  "0",
  "5",
  "a",
  "-",
  "+",
  "0x",
  "Content-Length: 5\r\n",
  "Content-Length: 7\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "Upgrade: a\r\nConnection: upgrade\r\n",
  "HTTP/1.1 200 OK\r\n",
  "HTTP/1.1 103 A\r\n\r\n",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
] as const;

type Mutation = (text: string, random: Random) => string;

/** A few bytes of a text. */
function range(text: string, random: Random): { from: number; to: number } {
  const from = random.below(text.length + 1);
  return { from, to: Math.min(text.length, from + 1 + random.below(12)) };
}

const mutations: readonly [Mutation, ...Mutation[]] = [
  function flipBit(text, random) {
    if (text === "") return text;
    const at = random.below(text.length);
    const flipped = text.charCodeAt(at) ^ (1 << random.below(8));
    return text.slice(0, at) + String.fromCharCode(flipped) + text.slice(at + 1);
  },
  function replaceByte(text, random) {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
  },
  function insertPiece(text, random) {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + random.pick(pieces) + text.slice(at);
  },
  function insertByte(text, random) {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at);
  },
  function deleteBytes(text, random) {
    const { from, to } = range(text, random);
    return text.slice(0, from) + text.slice(to);
  },
  function duplicateBytes(text, random) {
    const { from, to } = range(text, random);
    return text.slice(0, to) + text.slice(from);
  },
  function duplicateLine(text, random) {
    const lines = text.split("\r\n");
    const at = random.below(lines.length);
    return lines.toSpliced(at, 0, lines[at] ?? "").join("\r\n");
  },
  function moveLine(text, random) {
    const lines = text.split("\r\n");
    const [line = ""] = lines.splice(random.below(lines.length), 1);
    return lines.toSpliced(random.below(lines.length + 1), 0, line).join("\r\n");
  },
  function splice(text, random) {
    const { text: other = "" } = corpus[random.below(corpus.length)] ?? {};
    return text.slice(0, random.below(text.length + 1)) + other.slice(random.below(other.length));
  },
  function append(text, random) {
    const { text: other = "" } = corpus[random.below(corpus.length)] ?? {};
    return text + other;
  },
  function changeDigit(text, random) {
    const digits = [...text.matchAll(/\d/g)].map(({ index }) => index);
    const at = digits[random.below(digits.length)];
    if (at === undefined) return text;
    return text.slice(0, at) + String(random.below(10)) + text.slice(at + 1);
  },
  function truncate(text, random) {
    return text.slice(0, random.below(text.length + 1));
  },
];

/** Changes a text, one character for each byte, once or several times. */
export function mutate(text: string, random: Random): string {
  let mutated = text;
  for (let count = random.below(3); count >= 0; count--) {
    mutated = random.pick(mutations)(mutated, random);
  }
  return mutated;
}
