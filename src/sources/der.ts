/**
 * Reads the few fields of an X.509 certificate that trust is described by, and refuses what is not one
 * (RFC 5280 section 4.1, in DER).
 *
 * @module
 */

import { toHex } from "../hex.ts";

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
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const BMP_STRING = 0x1e;
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";

/** One DER element: its tag, its content, and where the next one starts. */
interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** Walks the elements of a DER encoding in order. */
class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  get nextTag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  next(...tags: number[]): Element {
    const tag = this.#byte();
    if (tags.length > 0 && !tags.includes(tag)) throw new Error(`unexpected tag ${tag}`);
    const end = this.#length() + this.#offset;
    if (end > this.#bytes.length) throw new Error("an element runs past its end");
    const content = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return { tag, content };
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

/**
 * Reads a certificate.
 *
 * @param der The DER encoding, and nothing after it.
 * @returns Its subject and validity.
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
  const publicKey = new DerReader(tbs.next(SEQUENCE).content);
  publicKey.next(SEQUENCE); // algorithm
  publicKey.next(BIT_STRING); // subjectPublicKey
  let keyIdentifier: string | undefined;
  while (!tbs.atEnd) {
    const { tag, content } = tbs.next(); // unique identifiers and extensions
    if (tag === EXTENSIONS) keyIdentifier = readKeyIdentifier(content);
  }
  return { subject, notBefore, notAfter, keyIdentifier };
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
