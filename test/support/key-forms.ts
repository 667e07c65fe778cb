/**
 * Converts a private key from PKCS#8, which Web Crypto exports, to the other forms that tools write.
 *
 * @module
 */

/** The options of {@linkcode toSec1}. */
export interface Sec1Options {
  /** Whether a block with the curve comes first, as `openssl ecparam -genkey` writes. @default true */
  parametersBlock?: boolean;
  /** Whether the key itself names its curve. @default true */
  parameters?: boolean;
  /** Whether it contains the public key. @default true */
  publicKey?: boolean;
}

/**
 * Writes an elliptic-curve key as SEC1.
 *
 * @param pkcs8 the key as PEM
 * @param options what is in it
 * @returns the key as PEM
 */
export function toSec1(pkcs8: string, options: Sec1Options = {}): string {
  const { parametersBlock = true, parameters = true, publicKey = true } = options;
  const { curve, version, secret, point } = openEc(pkcs8);
  const sec1 = element(
    0x30,
    version,
    secret,
    parameters ? element(0xa0, curve) : [],
    publicKey ? point : [],
  );
  return (parametersBlock ? toPem("EC PARAMETERS", curve) : "") + toPem("EC PRIVATE KEY", sec1);
}

/**
 * Removes the public key from an elliptic-curve key, as Java does.
 *
 * @param pkcs8 the key as PEM
 * @returns the same, PKCS#8 as before
 */
export function withoutPublicKey(pkcs8: string): string {
  const [version = [], algorithm = []] = elements(content(fromPem(pkcs8)));
  const { version: innerVersion, secret } = openEc(pkcs8);
  const inner = element(0x04, element(0x30, innerVersion, secret));
  return toPem("PRIVATE KEY", element(0x30, version, algorithm, inner));
}

/**
 * Writes an RSA key as PKCS#1.
 *
 * @param pkcs8 the key as PEM
 * @returns the key as PEM
 */
export function toPkcs1(pkcs8: string): string {
  return toPem("RSA PRIVATE KEY", innerKey(pkcs8));
}

/**
 * Writes a key as OpenSSL does when it encrypts one of the older forms. The content is not encrypted.
 *
 * @param pem a key of one of those
 * @returns the key with the header lines of an encrypted one
 */
export function withEncryptionHeaders(pem: string): string {
  const headers =
    "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n";
  return pem.replace(/(-----BEGIN \w+ PRIVATE KEY-----\n)/, `$1${headers}`);
}

/**
 * Writes bytes as one PEM block.
 *
 * @param label what they are
 * @param der the bytes
 * @returns the block
 */
export function toPem(label: string, der: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/**
 * The bytes of a text's only PEM block.
 *
 * @param pem the text
 * @returns its bytes
 */
export function fromPem(pem: string): Uint8Array {
  const base64 = pem.split("\n").filter((line) => !line.startsWith("-----"));
  return Uint8Array.from(atob(base64.join("")), (character) => character.charCodeAt(0));
}

interface EcParts {
  readonly curve: Uint8Array;
  readonly version: Uint8Array;
  readonly secret: Uint8Array;
  readonly point: Uint8Array;
}

function openEc(pkcs8: string): EcParts {
  const [, algorithm = nothing] = elements(content(fromPem(pkcs8)));
  const [, curve = nothing] = elements(content(algorithm));
  const [version = nothing, secret = nothing, ...rest] = elements(content(innerKey(pkcs8)));
  const point = rest.find(([tag]) => tag === 0xa1) ?? nothing;
  return { curve, version, secret, point };
}

const nothing = new Uint8Array();

/** The key that PKCS#8 wraps. */
function innerKey(pkcs8: string): Uint8Array {
  const [, , key = nothing] = elements(content(fromPem(pkcs8)));
  return content(key);
}

/** The DER elements that stand one after another, whole. */
function elements(der: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let rest = der; rest.length > 0;) {
    const end = contentStart(rest) + contentLength(rest);
    all.push(rest.subarray(0, end));
    rest = rest.subarray(end);
  }
  return all;
}

function content(der: Uint8Array): Uint8Array {
  return der.subarray(contentStart(der), contentStart(der) + contentLength(der));
}

function contentStart([, length = 0]: Uint8Array): number {
  return length < 0x80 ? 2 : 2 + (length & 0x7f);
}

function contentLength(der: Uint8Array): number {
  const [, length = 0] = der;
  if (length < 0x80) return length;
  return der.subarray(2, contentStart(der)).reduce((sum, byte) => sum * 256 + byte, 0);
}

function element(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const bytes = parts.flatMap((part) => [...part]);
  const count = bytes.length;
  const length =
    count < 0x80 ? [count] : count < 0x100 ? [0x81, count] : [0x82, count >> 8, count & 0xff];
  return Uint8Array.from([tag, ...length, ...bytes]);
}
