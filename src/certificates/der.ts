/**
 * Reads and writes DER, element by element (X.690 section 10).
 *
 * Written here since it is needed in every program: with keys and PEM it is 3.6 kB, minified and gzipped, and the
 * libraries for it are 5 to 33 kB. What passes is checked once more by the runtime's own parser.
 *
 * @module
 */

import { toHex } from "../bytes.ts";

export const BOOLEAN: number = 0x01;
export const INTEGER: number = 0x02;
export const BIT_STRING: number = 0x03;
export const OCTET_STRING: number = 0x04;
export const OBJECT_IDENTIFIER: number = 0x06;
const NULL = 0x05;
export const SEQUENCE: number = 0x30;

/** One DER element. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content. */
  readonly encoding: Uint8Array;
}

/** Walks the elements of a DER encoding in order. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether every element has been read. */
  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** The tag of the next element; `undefined` at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /** The next element, which has one of the tags if there are any. */
  next(...tags: number[]): Element {
    const start = this.#offset;
    const tag = this.#byte();
    if (tags.length > 0 && !tags.includes(tag)) throw new Error(`unexpected tag ${tag}`);
    const end = this.#length() + this.#offset;
    if (end > this.#bytes.length) throw new Error("an element runs past its end");
    const content = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return { tag, content, encoding: this.#bytes.subarray(start, end) };
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw new Error("it ends early");
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new Error("a length is not DER");
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw new Error("a length is not DER");
    return length;
  }
}

/** Puts one DER element together. */
export function encodeDer(
  tag: number,
  ...parts: readonly (Uint8Array | readonly number[])[]
): Uint8Array<ArrayBuffer> {
  const content = parts.flatMap((part) => [...part]);
  let length = [content.length];
  if (content.length >= 0x80) {
    length = [];
    for (let rest = content.length; rest > 0; rest >>= 8) length.unshift(rest & 0xff);
    length.unshift(0x80 | length.length);
  }
  return Uint8Array.from([tag, ...length, ...content]);
}

/** The bytes of a bit string that holds whole ones. */
export function bitString(content: Uint8Array): Uint8Array {
  return content.subarray(1); // Past the number of bits that the last byte does not use.
}

/**
 * Names an algorithm and its parameters (RFC 5280 section 4.1.1.2): the object identifiers of both, as in
 * `1.2.840.10045.2.1 1.2.840.10045.3.1.7` for an elliptic curve, and in hexadecimal those parameters that
 * are none.
 */
export function readAlgorithm(content: Uint8Array): string {
  const algorithm = new DerReader(content);
  const type = readObjectIdentifier(algorithm.next(OBJECT_IDENTIFIER).content);
  if (algorithm.atEnd) return type;
  const { tag, content: value, encoding } = algorithm.next();
  if (tag === NULL) return type;
  return `${type} ${tag === OBJECT_IDENTIFIER ? readObjectIdentifier(value) : toHex(encoding)}`;
}

/** Reads an object identifier's content, in its dotted form. */
export function readObjectIdentifier(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length === 0) {
      const first = Math.min(Math.floor(arc / 40), 2);
      arcs.push(first);
      arc -= first * 40;
    }
    arcs.push(arc);
    arc = 0;
  }
  return arcs.join(".");
}
