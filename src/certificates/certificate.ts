/**
 * Reads an X.509 certificate as far as trust and identity need it, and rejects what is not one (RFC 5280
 * section 4.1, in DER).
 *
 * @module
 */

import { toHex } from "../bytes.ts";
import {
  BIT_STRING,
  BOOLEAN,
  DerReader,
  type Element,
  INTEGER,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  SEQUENCE,
  bitString,
  readAlgorithm,
  readObjectIdentifier,
} from "./der.ts";

/** What a certificate says of itself. */
export interface CertificateFields {
  /** The subject by RFC 4514. */
  readonly subject: string;
  /** The issuer by RFC 4514. */
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** The subject key identifier in hexadecimal; `undefined` if there is none. */
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

/** A certificate's parts, as far as a verifier needs them beside {@link CertificateFields}. */
export interface CertificateParts {
  /** 1 or 3. */
  readonly version: number;
  /** What is signed, in DER. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  /** The object identifier of the algorithm that it is signed with. */
  readonly signatureAlgorithm: string;
  /** The parameters of that algorithm, in DER; `undefined` if it has none. */
  readonly signatureParameters: Uint8Array | undefined;
  /** The DER encoding of the issuer's name. */
  readonly issuer: Uint8Array;
  /** The DER encoding of the subject's name. */
  readonly subject: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** The DER encoding of the public key and its algorithm. */
  readonly publicKey: Uint8Array;
  /** By object identifier. */
  readonly extensions: ReadonlyMap<string, Extension>;
}

/** An extension (RFC 5280 section 4.2). */
export interface Extension {
  readonly critical: boolean;
  /** What its octets hold, in DER. */
  readonly value: Uint8Array;
}

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const BMP_STRING = 0x1e;
const SET = 0x31;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";

/**
 * Reads what a certificate says of itself.
 *
 * @param der The DER encoding, and nothing after it.
 * @returns Its subject, its validity and its key.
 * @throws {Error} if it is not a certificate; the message says where it stops being one.
 */
export function readCertificate(der: Uint8Array): CertificateFields {
  const { subject, issuer, notBefore, notAfter, extensions, publicKey } = readElements(der);
  const identifier = extensions.get(SUBJECT_KEY_IDENTIFIER)?.value;
  return {
    subject: readName(subject.content),
    issuer: readName(issuer.content),
    notBefore,
    notAfter,
    keyIdentifier: identifier && toHex(new DerReader(identifier).next(OCTET_STRING).content),
    publicKey: readPublicKey(publicKey),
  };
}

/**
 * Reads what a verifier asks of a certificate.
 *
 * @param der The DER encoding, and nothing after it.
 * @throws {Error} if it is not a certificate.
 */
export function readParts(der: Uint8Array): CertificateParts {
  const { issuer, subject, publicKey, ...parts } = readElements(der);
  return {
    ...parts,
    issuer: issuer.encoding,
    subject: subject.encoding,
    publicKey: publicKey.encoding,
  };
}

interface Elements extends Omit<CertificateParts, "issuer" | "subject" | "publicKey"> {
  readonly issuer: Element;
  readonly subject: Element;
  readonly publicKey: Element;
}

function readElements(der: Uint8Array): Elements {
  const outer = new DerReader(der);
  const certificate = new DerReader(outer.next(SEQUENCE).content);
  if (!outer.atEnd) throw new Error("something follows the certificate");
  const signed = certificate.next(SEQUENCE);
  const algorithm = new DerReader(certificate.next(SEQUENCE).content);
  const signature = bitString(certificate.next(BIT_STRING).content);
  if (!certificate.atEnd) throw new Error("something follows the signature");

  const tbs = new DerReader(signed.content);
  const version = tbs.nextTag === VERSION ? readVersion(tbs.next().content) : 1;
  tbs.next(INTEGER); // serialNumber
  tbs.next(SEQUENCE); // signature
  const issuer = tbs.next(SEQUENCE);
  const validity = new DerReader(tbs.next(SEQUENCE).content);
  const notBefore = readTime(validity.next(UTC_TIME, GENERALIZED_TIME));
  const notAfter = readTime(validity.next(UTC_TIME, GENERALIZED_TIME));
  const subject = tbs.next(SEQUENCE);
  const publicKey = tbs.next(SEQUENCE);
  let extensions: ReadonlyMap<string, Extension> = new Map();
  while (!tbs.atEnd) {
    const { tag, content } = tbs.next(); // unique identifiers and extensions
    if (tag === EXTENSIONS) extensions = readExtensions(content);
  }
  return {
    version,
    signed: signed.encoding,
    signature,
    signatureAlgorithm: readObjectIdentifier(algorithm.next(OBJECT_IDENTIFIER).content),
    signatureParameters: algorithm.atEnd ? undefined : algorithm.next().encoding,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey,
    extensions,
  };
}

function readVersion(content: Uint8Array): number {
  return (new DerReader(content).next(INTEGER).content.at(-1) ?? 0) + 1;
}

function readExtensions(content: Uint8Array): Map<string, Extension> {
  const found = new Map<string, Extension>();
  const extensions = new DerReader(new DerReader(content).next(SEQUENCE).content);
  while (!extensions.atEnd) {
    const extension = new DerReader(extensions.next(SEQUENCE).content);
    const type = readObjectIdentifier(extension.next(OBJECT_IDENTIFIER).content);
    const critical = extension.nextTag === BOOLEAN && extension.next().content[0] !== 0;
    // RFC 5280 section 4.2: no more than once, and which of two would count?
    if (found.has(type)) throw new Error("an extension is there twice");
    found.set(type, { critical, value: extension.next(OCTET_STRING).content });
  }
  return found;
}

function readPublicKey({ encoding, content }: Element): PublicKeyInfo {
  const info = new DerReader(content);
  const algorithm = readAlgorithm(info.next(SEQUENCE).content);
  const key = bitString(info.next(BIT_STRING).content);
  return { algorithm, key, spki: Uint8Array.from(encoding) };
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

function escapeValue(text: string): string {
  return text.replace(/[\\",+;<>=]|^[ #]| $/g, "\\$&").replace(
    // A name may hold control characters; a log line may not.
    /\p{Cc}/gu,
    (control) => `\\${control.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
