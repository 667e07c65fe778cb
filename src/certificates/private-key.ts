/**
 * Turns the text of a private key into checked PKCS#8, the same way on every runtime, and says whether a
 * certificate is its own.
 *
 * Keys come as PKCS#8 (RFC 5958), SEC1 (RFC 5915) or PKCS#1 (RFC 8017), and not every runtime takes each
 * of them: so a runtime sees PKCS#8 alone. No error here carries a byte of a key.
 *
 * @module
 */

import { SourceError } from "../errors.ts";
import type { PublicKeyInfo } from "./certificate.ts";
import {
  BIT_STRING,
  DerReader,
  INTEGER,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  SEQUENCE,
  bitString,
  encodeDer,
  readAlgorithm,
} from "./der.ts";
import { type PemBlock, decodeBlock, encodePem, malformed, missing, pemBlocks } from "./pem.ts";

/** A private key. Its fields are secret, but for the algorithm and the public key. */
export interface PrivateKey {
  /** What names its algorithm; see {@link readAlgorithm}. */
  readonly algorithm: string;
  /** The public key as a certificate holds it; `undefined` if the text has the private part alone. */
  readonly publicKey: Uint8Array | undefined;
  /** PKCS#8. */
  readonly der: Uint8Array<ArrayBuffer>;
  /** The same as PEM, with a final newline. */
  readonly pem: string;
}

const RSA = "1.2.840.113549.1.1.1";
const RSA_PSS = "1.2.840.113549.1.1.10";
const EC = "1.2.840.10045.2.1";
const ED25519 = "1.3.101.112";

/** The content of the object identifiers that PKCS#8 is made with. */
const RSA_IDENTIFIER = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_IDENTIFIER = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

const VERSION_1 = [INTEGER, 1, 0] as const;
const NULL = [0x05, 0] as const;

// Context-specific tags.
const EC_PARAMETERS = 0xa0;
const EC_PUBLIC_KEY = 0xa1;
const PKCS8_ATTRIBUTES = 0xa0;
const PKCS8_PUBLIC_KEY = 0x81;

/**
 * Parses the first private key of a text, as OpenSSL takes it. Blocks of other types are passed over:
 * the kubelet keeps its certificate in the same file.
 *
 * @throws {SourceError} if the text is empty or too large, holds no private key, the key is encrypted
 * or of a kind that TLS has no use for, or any block is malformed or cut off. The message never quotes
 * the text.
 */
export function parsePrivateKey(text: string): PrivateKey {
  // All of them, since a file that is cut off is about to change.
  const blocks = [...pemBlocks(text)];
  const block = blocks.find(({ label }) => /(?:^| )PRIVATE KEY$/.test(label));
  if (block === undefined) {
    throw missing("PRIVATE KEY", new Set(blocks.map(({ label }) => label)));
  }
  if (block.label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type:\s*4,\s*ENCRYPTED/.test(block.body)) {
    throw new SourceError(
      "it is encrypted with a passphrase, which clients can't use; decrypt it with: openssl pkey -in KEY -out KEY",
      "invalid",
    );
  }
  const read = readers[block.label];
  if (read === undefined) {
    throw new SourceError(
      `block ${block.number} (line ${block.line}) is of a type that TLS can't use: ${block.label.slice(0, 40)}`,
      "invalid",
    );
  }
  const key = readBlock(block, read);
  return { ...key, pem: encodePem("PRIVATE KEY", key.der) };
}

/**
 * Tells whether a private key belongs to a public one: by the public part that nearly every key carries,
 * else by signing something.
 *
 * @returns `undefined` if this runtime can't tell, as for a curve that it has not heard of.
 */
export async function isKeyPair(
  privateKey: PrivateKey,
  publicKey: PublicKeyInfo,
): Promise<boolean | undefined> {
  return comparePublicParts(privateKey, publicKey) ?? (await trySigning(privateKey, publicKey));
}

/** As {@link isKeyPair} and at once, but `undefined` wherever the private key carries no public part. */
export function comparePublicParts(
  privateKey: PrivateKey,
  { algorithm, key }: PublicKeyInfo,
): boolean | undefined {
  if (family(privateKey.algorithm) !== family(algorithm)) return false;
  const own = privateKey.publicKey;
  if (own === undefined) return undefined;
  // Of another length is the same point, perhaps, of which the one is compressed.
  if (own.length !== key.length && isEc(algorithm)) return undefined;
  return own.length === key.length && own.every((byte, index) => byte === key[index]);
}

/** An RSA key serves certificates that restrict it to PSS too. */
function family(algorithm: string): string {
  return algorithm.split(" ", 1)[0] === RSA_PSS ? RSA : algorithm;
}

function isEc(algorithm: string): boolean {
  return algorithm.startsWith(`${EC} `);
}

const signatureAlgorithms: Readonly<Record<string, EcKeyImportParams & EcdsaParams>> = {
  [`${EC} 1.2.840.10045.3.1.7`]: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  [`${EC} 1.3.132.0.34`]: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
  [`${EC} 1.3.132.0.35`]: { name: "ECDSA", namedCurve: "P-521", hash: "SHA-512" },
  // Which has no use for the other two.
  [ED25519]: { name: "Ed25519", namedCurve: "", hash: "" },
};

async function trySigning(
  { algorithm, der }: PrivateKey,
  { spki }: PublicKeyInfo,
): Promise<boolean | undefined> {
  const parameters = signatureAlgorithms[algorithm];
  if (parameters === undefined) return undefined;
  try {
    const { subtle } = crypto;
    const signer = await subtle.importKey("pkcs8", der, parameters, false, ["sign"]);
    const verifier = await subtle.importKey("spki", spki, parameters, false, ["verify"]);
    const signature = await subtle.sign(parameters, signer, spki);
    return await subtle.verify(parameters, verifier, signature, spki);
  } catch {
    // Not every runtime knows every curve, nor each form of a key. What TLS makes of it is seen then.
    return undefined;
  }
}

type ReadKey = Omit<PrivateKey, "pem">;

const readers: Readonly<Record<string, (der: Uint8Array<ArrayBuffer>) => ReadKey>> = {
  "PRIVATE KEY": readPkcs8,
  "EC PRIVATE KEY": readSec1,
  "RSA PRIVATE KEY": readPkcs1,
};

function readBlock(block: PemBlock, read: (der: Uint8Array<ArrayBuffer>) => ReadKey): ReadKey {
  const der = decodeBlock(block);
  try {
    return read(der);
  } catch {
    // Neither the reason nor a cause: where the bytes are off, a tag may be a byte of the key.
    throw malformed(block, "it is not a private key in DER; was it cut off or altered?");
  }
}

function readPkcs8(der: Uint8Array<ArrayBuffer>): ReadKey {
  const info = open(der);
  info.next(INTEGER); // version
  const algorithm = readAlgorithm(info.next(SEQUENCE).content);
  const { content } = info.next(OCTET_STRING);
  let publicKey: Uint8Array | undefined;
  while (!info.atEnd) {
    const element = info.next(PKCS8_ATTRIBUTES, PKCS8_PUBLIC_KEY);
    if (element.tag === PKCS8_PUBLIC_KEY) publicKey = bitString(element.content);
  }
  if (isEc(algorithm)) publicKey = readEcKey(content).publicKey ?? publicKey;
  else if (family(algorithm) === RSA) publicKey = readRsaPublicKey(content);
  else if (algorithm === ED25519) open(content, OCTET_STRING);
  return { algorithm, publicKey, der };
}

function readSec1(der: Uint8Array<ArrayBuffer>): ReadKey {
  const { parameters, inner, publicKey } = readEcKey(der);
  if (parameters === undefined) throw new Error("it names no curve");
  const identifier = encodeDer(OBJECT_IDENTIFIER, EC_IDENTIFIER);
  return readAs(encodeDer(SEQUENCE, identifier, parameters), inner, publicKey);
}

function readPkcs1(der: Uint8Array<ArrayBuffer>): ReadKey {
  const publicKey = readRsaPublicKey(der);
  const identifier = encodeDer(OBJECT_IDENTIFIER, RSA_IDENTIFIER);
  return readAs(encodeDer(SEQUENCE, identifier, NULL), der, publicKey);
}

/** Wraps a key into PKCS#8. */
function readAs(
  algorithm: Uint8Array,
  key: Uint8Array,
  publicKey: Uint8Array | undefined,
): ReadKey {
  const der = encodeDer(SEQUENCE, VERSION_1, algorithm, encodeDer(OCTET_STRING, key));
  return { algorithm: readAlgorithm(new DerReader(algorithm).next().content), publicKey, der };
}

interface EcKey {
  readonly parameters: Uint8Array | undefined;
  readonly publicKey: Uint8Array | undefined;
  /** Without the parameters, which PKCS#8 states outside: so the same key is the same text. */
  readonly inner: Uint8Array;
}

function readEcKey(der: Uint8Array): EcKey {
  const key = open(der);
  const version = key.next(INTEGER).encoding;
  const secret = key.next(OCTET_STRING).encoding;
  let parameters: Uint8Array | undefined;
  let point: Uint8Array | undefined;
  let publicKey: Uint8Array | undefined;
  if (key.nextTag === EC_PARAMETERS) parameters = key.next().content;
  if (key.nextTag === EC_PUBLIC_KEY) {
    const { content, encoding } = key.next();
    point = encoding;
    publicKey = bitString(new DerReader(content).next(BIT_STRING).content);
  }
  if (!key.atEnd) throw new Error("something follows the public key");
  return { parameters, publicKey, inner: encodeDer(SEQUENCE, version, secret, point ?? []) };
}

/** Reads an RSAPrivateKey and gives the RSAPublicKey of it (RFC 8017 appendix A.1). */
function readRsaPublicKey(der: Uint8Array): Uint8Array {
  const key = open(der);
  key.next(INTEGER); // version
  const modulus = key.next(INTEGER).encoding;
  const publicExponent = key.next(INTEGER).encoding;
  for (let secret = 0; secret < 6; secret++) key.next(INTEGER);
  if (!key.atEnd) key.next(SEQUENCE); // further primes
  if (!key.atEnd) throw new Error("something follows the key");
  return encodeDer(SEQUENCE, modulus, publicExponent);
}

/** Reads into an element that nothing follows. */
function open(der: Uint8Array, tag: number = SEQUENCE): DerReader {
  const outer = new DerReader(der);
  const { content } = outer.next(tag);
  if (!outer.atEnd) throw new Error("something follows");
  return new DerReader(content);
}
