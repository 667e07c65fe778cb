/**
 * The head of an HTTP/1.1 response: its status line and header fields, read strictly by RFC 9112.
 *
 * Whatever two readers could understand in two ways is rejected: bare line feeds, folded lines, white space
 * before a colon, control characters.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { HeaderLine } from "../runtime.ts";
import { bytesOf } from "./wire.ts";

/** More than any server sends. */
const MAX_BYTES = 64 * 1024;
const MAX_FIELDS = 256;
/** The first place that a head gets which comes in pieces. */
const MIN_BYTES = 1024;
const none = new Uint8Array();

const NO_STATUS_LINE = "its first line is no status line of HTTP/1.1";

const CR = 13;
const LF = 10;

/** What each head begins with: another protocol is not waited for until its time limit. */
const BEGIN = bytesOf("HTTP/1.");

const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
/** What a header field's name must be. */
export const fieldName: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What a header field's value must be. */
export const fieldValue: RegExp = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Most heads are shorter. */
const FAST_BYTES = 2048;
const fastDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** A whole head: the status line, at most {@link MAX_FIELDS} lines of fields, and the empty line. */
const fastHead =
  /HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e]*))?((?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e]*){0,256})\r\n\r\n/y;
const fastField = /\r\n([^:]+):([\t\x20-\x7e]*)/g;

const connectionNames: ReadonlySet<string> = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "keep-alive",
  "transfer-encoding",
]);
const fastConnectionField = new RegExp(
  String.raw`\r\n(${[...connectionNames].join("|")}):([\t\x20-\x7e]*)`,
  "gi",
);

/** A response's head. */
export interface ResponseHead {
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  readonly minorVersion: 0 | 1;
  /** From 100 to 599. */
  readonly status: number;
  /** The reason phrase; empty if there is none. */
  readonly statusText: string;
  /** The header fields in their order, names in lower case. */
  readonly fields: readonly HeaderLine[];
  /** Those of them that say how the body is sent, and what becomes of its connection. */
  readonly connectionFields: readonly HeaderLine[];
}

/** A header field's value, its lines joined with a comma, or `null`. */
export function fieldOf(head: ResponseHead, name: string): string | null {
  const wanted = name.toLowerCase();
  let found: string | null = null;
  for (const [other, value] of connectionNames.has(wanted) ? head.connectionFields : head.fields) {
    if (other === wanted) found = found === null ? value : `${found}, ${value}`;
  }
  return found;
}

/** A head, and where those bytes begin that follow it. */
export interface FoundHead {
  readonly head: ResponseHead;
  readonly end: number;
}

/** Collects the bytes of one head after the other, which may arrive in any pieces. */
export class ResponseHeadReader {
  /** What has arrived of a head that comes in pieces. */
  #bytes: Uint8Array<ArrayBuffer> = none;
  #size = 0;

  /**
   * Takes the next bytes.
   *
   * @param from Where they begin.
   * @returns The head and where it ends, once it is complete.
   * @throws {ConnectionError} if this is no head of an HTTP/1.1 response, or it is too large.
   */
  push(chunk: Uint8Array<ArrayBuffer>, from: number): FoundHead | undefined {
    const before = this.#size;
    if (before === 0) {
      const found = readFast(chunk, from);
      if (found !== undefined) return found;
    }
    const room = MAX_BYTES - before;
    this.#append(chunk.subarray(from, from + room));
    if (before < BEGIN.length) checkBegin(this.#bytes, this.#size);
    // The end may lie across two pieces.
    const end = endOfHead(this.#bytes.subarray(0, this.#size), Math.max(before - 3, 0));
    if (end === undefined) {
      if (chunk.length - from > room) throw malformed(`it is larger than ${MAX_BYTES} bytes`);
      return undefined;
    }
    const head = parseHead(this.#bytes.subarray(0, end - 4));
    this.#bytes = none;
    this.#size = 0;
    return { head, end: from + end - before };
  }

  #append(chunk: Uint8Array<ArrayBuffer>): void {
    const size = this.#size + chunk.length;
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#bytes.length, MIN_BYTES));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.#size);
    this.#size = size;
  }
}

/**
 * Reads a head that is in one piece and in ASCII, as nearly all are.
 *
 * @returns `undefined` if it is not, or is malformed.
 */
function readFast(chunk: Uint8Array<ArrayBuffer>, from: number): FoundHead | undefined {
  const isShort = from === 0 && chunk.length <= FAST_BYTES;
  const text = fastDecoder.decode(isShort ? chunk : chunk.subarray(from, from + FAST_BYTES));
  fastHead.lastIndex = 0;
  const match = fastHead.exec(text);
  if (match === null) return undefined;
  // Each character is one byte: all of them matched as ASCII.
  return { head: new AsciiHead(match), end: from + fastHead.lastIndex };
}

/** A head in ASCII that is known to be valid. Few callers ask for all of its fields, so they are read then. */
class AsciiHead implements ResponseHead {
  readonly minorVersion: 0 | 1;
  readonly status: number;
  readonly statusText: string;
  readonly connectionFields: readonly HeaderLine[];
  readonly #lines: string;
  #fields: readonly HeaderLine[] | undefined;

  constructor([, minor, status, statusText = "", lines = ""]: RegExpExecArray) {
    this.minorVersion = minor === "1" ? 1 : 0;
    this.status = Number(status);
    this.statusText = statusText;
    this.#lines = lines;
    this.connectionFields = matchFields(lines, fastConnectionField);
  }

  get fields(): readonly HeaderLine[] {
    return (this.#fields ??= matchFields(this.#lines, fastField));
  }
}

/** The fields that an expression finds, which is global and begins at the start. */
function matchFields(lines: string, expression: RegExp): HeaderLine[] {
  const fields: HeaderLine[] = [];
  for (let match = expression.exec(lines); match !== null; match = expression.exec(lines)) {
    const [, name = "", value = ""] = match;
    fields.push([name.toLowerCase(), trim(value)]);
  }
  return fields;
}

function checkBegin(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < Math.min(size, BEGIN.length); at++) {
    if (bytes[at] !== BEGIN[at]) throw malformed(NO_STATUS_LINE);
  }
}

/** Where the head ends, its empty line included. */
function endOfHead(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(LF, from); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) throw malformed("a line ends without a carriage return");
    if (bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1;
  }
  return undefined;
}

function parseHead(bytes: Uint8Array): ResponseHead {
  const [first = "", ...lines] = latin1(bytes).split("\r\n");
  const match = statusLine.exec(first);
  if (match === null) throw malformed(NO_STATUS_LINE);
  const [, minor, status, statusText = ""] = match;
  if (lines.length > MAX_FIELDS) throw malformed(`it has more than ${MAX_FIELDS} fields`);
  const fields = lines.map((line) => parseField(line));
  return {
    minorVersion: minor === "1" ? 1 : 0,
    status: Number(status),
    statusText,
    fields,
    connectionFields: fields.filter(([name]) => connectionNames.has(name)),
  };
}

function parseField(line: string): HeaderLine {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  const value = line.slice(colon + 1);
  if (!fieldName.test(name)) throw malformed("a header field has no valid name");
  if (!fieldValue.test(value)) throw malformed(`header field ${name} has a control character`);
  return [name.toLowerCase(), trim(value)];
}

/** Without the spaces and tabs around it. */
function trim(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && isBlank(value.charCodeAt(from))) from += 1;
  while (to > from && isBlank(value.charCodeAt(to - 1))) to -= 1;
  return value.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** One character a byte. `TextDecoder` has no such encoding: its `latin1` is Windows-1252. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

function malformed(why: string): ConnectionError {
  return new ConnectionError(`Cannot read the response: its head is malformed, ${why}`);
}
