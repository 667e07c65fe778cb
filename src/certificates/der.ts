/**
 * Reads the few fields of an X.509 certificate that trust and identity are described by, and refuses what
 * is not one (RFC 5280 section 4.1, in DER).
 *
 * Written here since it is needed in every program: with keys and PEM it is 3.6 kB, minified and gzipped, and the
 * libraries for it are 5 to 33 kB. What passes is checked once more by the runtime's own parser.
 *
 * @module
 */

import { toHex } from "../bytes.ts";

/** What a certificate says of itself. */
export interface CertificateFields {
  /** The subject by RFC 4514. */
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** The subject key identifier in hexadecimal; `undefined` where there is none. */
  readonly keyIdentifier: string | undefined;
  readonly publicKey: PublicKeyInfo;
}

/** A public key as a certificate carries it (RFC 5280 section 4.1.2.7). */
export interface PublicKeyInfo {
  /** What names its algorithm; see {@link readAlgorithm}. */
  readonly algorithm: string;
  /** The key by itself, in the algorithm's own form. */
  readonly key: Uint8Array;
  /** The DER encoding of both. */
  readonly spki: Uint8Array<ArrayBuffer>;
}

export const INTEGER: number = 0x02;
export const BIT_STRING: number = 0x03;
export const OCTET_STRING: number = 0x04;
export const OBJECT_IDENTIFIER: number = 0x06;
const NULL = 0x05;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const BMP_STRING = 0x1e;
export const SEQUENCE: number = 0x30;
const SET = 0x31;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";

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

/**
 * Reads a certificate.
 *
 * @param der The DER encoding, and nothing after it.
 * @returns Its subject, its validity and its key.
 * @throws {Error} where it is not a certificate; the message says where it stops being one.
 */
export function readCertificate(der: Uint8Array): CertificateFields {
  const outer = new DerReader(der);
  const certificate = new DerReader(outer.next(SEQUENCE).content);
  if (!outer.atEnd) throw new Error("something follows the certificate");
  const tbs = new DerReader(certificate.next(SEQUENCE).content);
  certificate.next(SEQUENCE); // signatureAlgorithm
  certificate.next(BIT_STRING); // signatureValue
  if (!certificate.atEnd) throw new Error("something follows the signature");

  if (tbs.nextTag === VERSION) tbs.next();
  tbs.next(INTEGER); // serialNumber
  tbs.next(SEQUENCE); // signature
  tbs.next(SEQUENCE); // issuer
  const validity = new DerReader(tbs.next(SEQUENCE).content);
  const notBefore = readTime(validity.next(UTC_TIME, GENERALIZED_TIME));
  const notAfter = readTime(validity.next(UTC_TIME, GENERALIZED_TIME));
  const subject = readName(tbs.next(SEQUENCE).content);
  const publicKey = readPublicKey(tbs.next(SEQUENCE));
  let keyIdentifier: string | undefined;
  while (!tbs.atEnd) {
    const { tag, content } = tbs.next(); // unique identifiers and extensions
    if (tag === EXTENSIONS) keyIdentifier = readKeyIdentifier(content);
  }
  return { subject, notBefore, notAfter, keyIdentifier, publicKey };
}

function readPublicKey({ encoding, content }: Element): PublicKeyInfo {
  const info = new DerReader(content);
  const algorithm = readAlgorithm(info.next(SEQUENCE).content);
  const key = bitString(info.next(BIT_STRING).content);
  return { algorithm, key, spki: Uint8Array.from(encoding) };
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

function readKeyIdentifier(content: Uint8Array): string | undefined {
  const extensions = new DerReader(new DerReader(content).next(SEQUENCE).content);
  while (!extensions.atEnd) {
    const extension = new DerReader(extensions.next(SEQUENCE).content);
    const type = readObjectIdentifier(extension.next(OBJECT_IDENTIFIER).content);
    if (type !== SUBJECT_KEY_IDENTIFIER) continue;
    if (extension.nextTag !== OCTET_STRING) extension.next(); // critical
    const value = new DerReader(extension.next(OCTET_STRING).content);
    return toHex(value.next(OCTET_STRING).content);
  }
  return undefined;
}

function readTime({ tag, content }: Element): number {
  const text = String.fromCharCode(...content);
  const match = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  const [, years = "", ...rest] = match ?? [];
  if (years.length !== (tag === UTC_TIME ? 2 : 4)) throw new Error("a date is not DER");
  const [month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = rest.map(Number);
  // RFC 5280 section 4.1.2.5.1: two digits from 50 on are of the twentieth century.
  const century = tag === GENERALIZED_TIME ? 0 : Number(years) >= 50 ? 1900 : 2000;
  return Date.UTC(century + Number(years), month - 1, day, hours, minutes, seconds);
}

const attributeNames: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "0.9.2342.19200300.100.1.25": "DC",
};

/** A Name as text, its last relative name first (RFC 4514 section 2.1). */
function readName(content: Uint8Array): string {
  const names: string[] = [];
  const sequence = new DerReader(content);
  while (!sequence.atEnd) {
    const attributes: string[] = [];
    const set = new DerReader(sequence.next(SET).content);
    while (!set.atEnd) {
      const attribute = new DerReader(set.next(SEQUENCE).content);
      const type = readObjectIdentifier(attribute.next(OBJECT_IDENTIFIER).content);
      attributes.push(`${attributeNames[type] ?? type}=${escapeValue(readText(attribute.next()))}`);
    }
    names.unshift(attributes.join("+"));
  }
  return names.join(",");
}

function readText({ tag, content }: Element): string {
  return new TextDecoder(tag === BMP_STRING ? "utf-16be" : "utf-8").decode(content);
}

function readObjectIdentifier(content: Uint8Array): string {
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

function escapeValue(text: string): string {
  return text.replace(/[\\",+;<>=]|^[ #]| $/g, "\\$&").replace(
    // A name may hold control characters; a log line may not.
    /\p{Cc}/gu,
    (control) => `\\${control.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
