/**
 * A certificate authority that lives for one run and uses nothing but Web Crypto.
 *
 * It uses the core's own DER encoder. A certificate library would be a dependency for everyone who installs
 * the package.
 *
 * @module
 */

import { encodeDer } from "../certificates/der.ts";
import { encodePem } from "../certificates/pem.ts";

type Der = Uint8Array<ArrayBuffer>;

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;

/** Object identifiers, encoded. */
const ids = {
  commonName: [0x06, 0x03, 0x55, 0x04, 0x03],
  ecdsaWithSha256: [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  subjectKeyIdentifier: [0x06, 0x03, 0x55, 0x1d, 0x0e],
  keyUsage: [0x06, 0x03, 0x55, 0x1d, 0x0f],
  subjectAltName: [0x06, 0x03, 0x55, 0x1d, 0x11],
  basicConstraints: [0x06, 0x03, 0x55, 0x1d, 0x13],
  authorityKeyIdentifier: [0x06, 0x03, 0x55, 0x1d, 0x23],
  extendedKeyUsage: [0x06, 0x03, 0x55, 0x1d, 0x25],
  serverAuth: [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
} as const;

const HOUR_MS = 3_600_000;
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** The name that kubeadm gives to every cluster CA, so that a rotation keeps the subject. */
const CA_NAME = "kubernetes";

/** A server's certificate and its private key, both PEM. */
export interface ServerPair {
  readonly cert: string;
  /** PKCS #8. */
  readonly key: string;
}

/** A certificate authority. Its key exists only in memory. */
export interface Authority {
  /** The CA's own certificate, as PEM. */
  readonly pem: string;
  /** Issues a certificate for a server on loopback. */
  issue(): Promise<ServerPair>;
}

/**
 * Creates a certificate authority.
 *
 * @param wallNow The current time, in milliseconds since the epoch. The CA is valid from one hour earlier,
 * for ten years.
 */
export async function createAuthority(wallNow: number): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const identifier = await keyIdentifier(keys.publicKey);
  const own = extension(ids.subjectKeyIdentifier, encodeDer(OCTET_STRING, identifier));
  const issuer = { key: keys.privateKey, wallNow };
  const certificate = await makeCertificate(issuer, CA_NAME, keys.publicKey, [
    extension(ids.basicConstraints, encodeDer(SEQUENCE, encodeDer(BOOLEAN, [0xff])), true),
    // keyCertSign and cRLSign.
    extension(ids.keyUsage, encodeDer(BIT_STRING, [1, 0x06]), true),
    own,
  ]);

  async function issue(): Promise<ServerPair> {
    const leaf = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
    const cert = await makeCertificate(issuer, "kube-apiserver", leaf.publicKey, [
      extension(ids.basicConstraints, encodeDer(SEQUENCE), true),
      // digitalSignature.
      extension(ids.keyUsage, encodeDer(BIT_STRING, [7, 0x80]), true),
      extension(ids.extendedKeyUsage, encodeDer(SEQUENCE, ids.serverAuth)),
      extension(ids.subjectAltName, encodeDer(SEQUENCE, ...loopbackNames())),
      extension(ids.authorityKeyIdentifier, encodeDer(SEQUENCE, encodeDer(0x80, identifier))),
    ]);
    const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", leaf.privateKey));
    return { cert: encodePem("CERTIFICATE", cert), key: encodePem("PRIVATE KEY", key) };
  }

  return { pem: encodePem("CERTIFICATE", certificate), issue };
}

async function makeCertificate(
  { key, wallNow }: { readonly key: CryptoKey; readonly wallNow: number },
  subject: string,
  publicKey: CryptoKey,
  extensions: readonly Der[],
): Promise<Der> {
  const algorithm = encodeDer(SEQUENCE, ids.ecdsaWithSha256);
  const tbs = encodeDer(
    SEQUENCE,
    encodeDer(0xa0, encodeDer(INTEGER, [2])), // Version 3.
    encodeDer(INTEGER, serialNumber()),
    algorithm,
    name(CA_NAME),
    encodeDer(SEQUENCE, time(wallNow - HOUR_MS), time(wallNow + 10 * 365 * 24 * HOUR_MS)),
    name(subject),
    new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)),
    encodeDer(0xa3, encodeDer(SEQUENCE, ...extensions)),
  );
  const signature = new Uint8Array(await crypto.subtle.sign(ECDSA, key, tbs));
  // Web Crypto returns a signature as two numbers of 32 bytes. A certificate encodes them as DER (RFC 5480,
  // RFC 3279 section 2.2.3).
  const value = encodeDer(
    SEQUENCE,
    encodeDer(INTEGER, positive(signature.subarray(0, 32))),
    encodeDer(INTEGER, positive(signature.subarray(32))),
  );
  return encodeDer(SEQUENCE, tbs, algorithm, encodeDer(BIT_STRING, [0], value));
}

/** A number without leading zeros, except the one that keeps it positive. */
function positive(bytes: Uint8Array): number[] {
  const digits = [...bytes];
  while (digits[0] === 0 && digits.length > 1) digits.shift();
  return (digits[0] ?? 0) > 0x7f ? [0, ...digits] : digits;
}

/** The first bit is cleared to keep the number positive. The second is set to keep its length fixed. */
function serialNumber(): number[] {
  const [first = 0, ...rest] = crypto.getRandomValues(new Uint8Array(16));
  return [(first & 0x3f) | 0x40, ...rest];
}

async function keyIdentifier(key: CryptoKey): Promise<Uint8Array> {
  const encoded = await crypto.subtle.exportKey("spki", key);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoded)).subarray(0, 20);
}

function extension(id: readonly number[], value: Der, isCritical = false): Der {
  const critical = isCritical ? encodeDer(BOOLEAN, [0xff]) : [];
  return encodeDer(SEQUENCE, id, critical, encodeDer(OCTET_STRING, value));
}

function loopbackNames(): Der[] {
  const six = [...Array<number>(15).fill(0), 1];
  return [
    encodeDer(0x82, ascii("localhost")),
    encodeDer(0x87, [127, 0, 0, 1]),
    encodeDer(0x87, six),
  ];
}

function name(commonName: string): Der {
  const attribute = encodeDer(SEQUENCE, ids.commonName, encodeDer(UTF8_STRING, ascii(commonName)));
  return encodeDer(SEQUENCE, encodeDer(SET, attribute));
}

/** RFC 5280 section 4.1.2.5: from 2050 on, years have four digits. */
function time(wallMs: number): Der {
  const date = new Date(wallMs);
  const digits = date.toISOString().replace(/\.\d+/, "").replaceAll(/[-:T]/g, "");
  if (date.getUTCFullYear() >= 2050) return encodeDer(GENERALIZED_TIME, ascii(digits));
  return encodeDer(UTC_TIME, ascii(digits.slice(2)));
}

function ascii(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}
