/**
 * Where the body of an HTTP/1.1 response ends (RFC 9112 section 6.3). Whatever two readers could understand in two
 * ways is rejected: a response that ends elsewhere for them is how one response reaches another's request.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import { type ResponseHead, fieldName, fieldValue } from "./response-head.ts";

/** More than any line of a chunk's size has, with its extensions, or of a trailer. */
const MAX_LINE_BYTES = 4096;
/** How much larger than its data a chunked body may be, as in Go's `net/http/internal`. */
const MAX_OVERHEAD_BYTES = 16 * 1024;
const MAX_TRAILERS = 256;
const LF = 10;

/** What says where a body ends comes before it (RFC 9110 section 6.5.1). */
const framingFields: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const quoted = String.raw`"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"`;
const sizeLine = new RegExp(`^([0-9A-Fa-f]{1,12})(?:;${token}(?:=(?:${token}|${quoted}))?)*\r$`);

/** How many bytes a body has, or what shows where it ends. */
export type Framing = number | "chunked" | "until-close";

/**
 * Reads from a head where its body ends.
 *
 * @param isForHead Whether the request was a `HEAD`.
 * @throws {ConnectionError} if the head does not say it in exactly one way.
 */
export function framingOf(head: ResponseHead, isForHead: boolean): Framing {
  let length: string | undefined;
  let coding: string | undefined;
  for (const [name, value] of head.connectionFields) {
    if (name === "content-length") {
      if (length !== undefined) throw malformed("it has several lengths");
      if (!/^\d{1,15}$/.test(value)) throw malformed("its length is no number");
      length = value;
    } else if (name === "transfer-encoding") {
      if (coding !== undefined) throw malformed("it has several transfer encodings");
      coding = value.toLowerCase();
    }
  }
  if (coding !== undefined) {
    if (length !== undefined) throw malformed("it has a length and a transfer encoding");
    if (head.minorVersion === 0) throw malformed("HTTP/1.0 has no transfer encodings");
    if (coding !== "chunked") throw malformed("its transfer encoding is not the one of HTTP/1.1");
  }
  if (isForHead || head.status === 204 || head.status === 304) return 0;
  if (coding !== undefined) return "chunked";
  return length === undefined ? "until-close" : Number(length);
}

/** Whether a head speaks of a body, though its status allows none: some server disagrees about where it ends. */
export function contradictsItself({ status, connectionFields }: ResponseHead): boolean {
  if (status >= 200 && status !== 204) return false;
  return connectionFields.some(
    ([name, value]) =>
      name === "transfer-encoding" || (name === "content-length" && Number(value) > 0),
  );
}

/** Takes the bytes that follow a head, and finds the body's own. */
export class BodyReader {
  readonly #framing: Framing;
  readonly #onData: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** How many bytes are to come, of the body or of a chunk. */
  #left: number;
  /** What of a chunked body comes next. */
  #next: "size" | "data" | "end-of-chunk" | "trailer" | "nothing" = "size";
  #line = "";
  #overhead = 0;
  #trailers = 0;

  constructor(framing: Framing, onData: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#framing = framing;
    this.#onData = onData;
    this.#left = typeof framing === "number" ? framing : 0;
  }

  /**
   * Takes the next bytes, which may be none.
   *
   * @param from Where they begin.
   * @returns Where those begin that follow the body, or -1 if the body is not complete.
   * @throws {ConnectionError} if it is no valid body.
   */
  push(bytes: Uint8Array<ArrayBuffer>, from: number): number {
    switch (this.#framing) {
      case "until-close":
        if (from < bytes.length) this.#onData(bytes.subarray(from));
        return -1;
      case "chunked":
        return this.#pushChunked(bytes, from);
      default: {
        const to = this.#pushData(bytes, from);
        return this.#left === 0 ? to : -1;
      }
    }
  }

  /**
   * The connection has ended.
   *
   * @throws {ConnectionError} unless the body ends with it.
   */
  end(): void {
    if (this.#framing !== "until-close") throw malformed("the connection ended before it did");
  }

  #pushData(bytes: Uint8Array<ArrayBuffer>, from: number): number {
    const to = Math.min(from + this.#left, bytes.length);
    if (to === from) return to;
    this.#left -= to - from;
    this.#onData(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
    return to;
  }

  #pushChunked(bytes: Uint8Array<ArrayBuffer>, from: number): number {
    for (let at = from; ;) {
      if (this.#next === "data") {
        at = this.#pushData(bytes, at);
        if (this.#left > 0) return -1;
        this.#next = "end-of-chunk";
      }
      const end = bytes.indexOf(LF, at);
      const to = end === -1 ? bytes.length : end;
      if (this.#line.length + to - at > MAX_LINE_BYTES) throw malformed("a line of it is too long");
      for (; at < to; at++) this.#line += String.fromCharCode(bytes[at] ?? 0);
      if (end === -1) return -1;
      at += 1;
      const line = this.#line;
      this.#line = "";
      this.#takeLine(line);
      if (this.#next === "nothing") return at;
    }
  }

  #takeLine(line: string): void {
    switch (this.#next) {
      case "size":
        return this.#takeSize(line);
      case "end-of-chunk":
        if (line !== "\r") throw malformed("a chunk is longer than it says");
        this.#next = "size";
        return;
      default:
        if (line === "\r") this.#next = "nothing";
        else this.#checkTrailer(line);
    }
  }

  #takeSize(line: string): void {
    const [, digits] = sizeLine.exec(line) ?? [];
    if (digits === undefined) throw malformed("a chunk has no valid size");
    this.#left = Number.parseInt(digits, 16);
    // Each chunk may have 16 bytes beside its data, and as many as its data has.
    this.#overhead = Math.max(0, this.#overhead + line.length + 3 - 16 - 2 * this.#left);
    if (this.#overhead > MAX_OVERHEAD_BYTES) throw malformed("its chunks have almost no data");
    this.#next = this.#left === 0 ? "trailer" : "data";
  }

  /** Trailers say nothing that is wanted, but a head that is taken for one must be noticed. */
  #checkTrailer(line: string): void {
    this.#trailers += 1;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const isField =
      fieldName.test(name) &&
      !framingFields.has(name.toLowerCase()) &&
      line.endsWith("\r") &&
      fieldValue.test(line.slice(colon + 1, -1));
    if (!isField || this.#trailers > MAX_TRAILERS) throw malformed("it has an invalid trailer");
  }
}

function malformed(why: string): ConnectionError {
  return new ConnectionError(`Cannot read the body of the response: ${why}`);
}
