/**
 * Builds certificates of any shape, valid or not, byte by byte: a verifier has to be tested with certificates
 * that a library would not create. Runs only on Node.
 *
 * @module
 */

import { type KeyObject, constants, createPublicKey, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import { encodeDer } from "../../../src/certificates/der.ts";
import { encodePem } from "../../../src/certificates/pem.ts";

type Der = Uint8Array<ArrayBuffer>;

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const NULL = 0x05;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;

/** How a certificate is signed: with its signer's key as usual, or in a broken way. */
export type SignatureKind = "usual" | "pss" | "sha1" | "broken";

/** The content of a certificate. */
export interface CertificateSpec {
  /** The subject's common name; none for `""`. */
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Der[];
  /** @default 3 */
  readonly version?: 1 | 3;
  /** @default "usual" */
  readonly signature?: SignatureKind;
}

/** Creates a certificate, as PEM. */
export function makeCertificate(spec: CertificateSpec): string {
  const { version = 3, signature = "usual" } = spec;
  const algorithm = signatureAlgorithm(spec.signer, signature);
  const tbs = encodeDer(
    SEQUENCE,
    version === 3 ? encodeDer(0xa0, encodeDer(INTEGER, [2])) : [],
    encodeDer(INTEGER, serialNumber()),
    algorithm,
    name(spec.issuer),
    encodeDer(SEQUENCE, time(spec.notBefore), time(spec.notAfter)),
    name(spec.subject),
    createPublicKey(spec.publicKey).export({ format: "der", type: "spki" }),
    version === 3 && spec.extensions.length > 0
      ? encodeDer(0xa3, encodeDer(SEQUENCE, ...spec.extensions))
      : [],
  );
  const value = signed(tbs, spec.signer, signature);
  const der = encodeDer(SEQUENCE, tbs, algorithm, encodeDer(BIT_STRING, [0], value));
  return encodePem("CERTIFICATE", der);
}

/** Basic constraints: whether it is a CA, and how many intermediates may follow. */
export function basicConstraints(isCa: boolean, pathLength?: number): Der {
  return extension(
    "2.5.29.19",
    encodeDer(
      SEQUENCE,
      isCa ? encodeDer(BOOLEAN, [0xff]) : [],
      pathLength === undefined ? [] : encodeDer(INTEGER, [pathLength]),
    ),
    true,
  );
}

/** The bits of a key usage, preceded by the number of unused bits in the last byte. */
const keyUsages = {
  digitalSignature: [7, 0x80],
  keyCertSign: [2, 0x04],
  cRLSign: [1, 0x02],
} as const;

/** What a key is for. */
export function keyUsage(usage: keyof typeof keyUsages): Der {
  const bits = keyUsages[usage];
  return extension("2.5.29.15", encodeDer(BIT_STRING, bits), true);
}

const purposes = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  any: "2.5.29.37.0",
} as const;

/** What a certificate is for. */
export function extendedKeyUsage(...usages: (keyof typeof purposes)[]): Der {
  const ids = usages.map((usage) => objectIdentifier(purposes[usage]));
  return extension("2.5.29.37", encodeDer(SEQUENCE, ...ids), false);
}

/** A name: a host name, or `ip:`, `email:` or `uri:` followed by the name. */
export type AlternativeName = string;

/** The names that a certificate is for. */
export function subjectAltName(...names: readonly AlternativeName[]): Der {
  return extension("2.5.29.17", encodeDer(SEQUENCE, ...names.map(generalName)), false);
}

/** The names that a CA may sign for. An `ip:` has a mask: `ip:127.0.0.0/255.0.0.0`. */
export function nameConstraints(
  { permitted = [], excluded = [] }: { permitted?: string[]; excluded?: string[] },
  critical = true,
): Der {
  const subtrees = (tag: number, names: string[]): Der | number[] =>
    names.length === 0
      ? []
      : encodeDer(tag, ...names.map((it) => encodeDer(SEQUENCE, generalName(it))));
  return extension(
    "2.5.29.30",
    encodeDer(SEQUENCE, subtrees(0xa0, permitted), subtrees(0xa1, excluded)),
    critical,
  );
}

/** The identifier of a certificate's own key. */
export function subjectKeyIdentifier(id: string): Der {
  return extension("2.5.29.14", encodeDer(OCTET_STRING, ascii(id)), false);
}

/** The identifier of its issuer's key. */
export function authorityKeyIdentifier(id: string): Der {
  return extension("2.5.29.35", encodeDer(SEQUENCE, encodeDer(0x80, ascii(id))), false);
}

/** An unknown extension. */
export function unknownExtension(critical: boolean): Der {
  return extension("1.3.6.1.4.1.55555.1", encodeDer(NULL), critical);
}

function extension(type: string, value: Der, critical: boolean): Der {
  return encodeDer(
    SEQUENCE,
    objectIdentifier(type),
    critical ? encodeDer(BOOLEAN, [0xff]) : [],
    encodeDer(OCTET_STRING, value),
  );
}

function generalName(text: AlternativeName): Der {
  const [, kind, value = text] = /^(ip|email|uri|directory):(.*)$/.exec(text) ?? [];
  switch (kind) {
    case "ip":
      return encodeDer(0x87, value.split("/").flatMap(addressBytes));
    case "email":
      return encodeDer(0x81, ascii(value));
    case "uri":
      return encodeDer(0x86, ascii(value));
    case "directory":
      return encodeDer(0xa4, name(value));
    default:
      return encodeDer(0x82, ascii(value));
  }
}

/** The bytes of an address. `::ffff:127.0.0.1` keeps all sixteen. */
function addressBytes(address: string): number[] {
  if (isIP(address) === 4) return address.split(".").map(Number);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (mapped !== undefined)
    return [...Array<number>(10).fill(0), 255, 255, ...addressBytes(mapped)];
  const [head = "", tail = ""] = address.split("::").map((half) => half);
  const groups = (half: string): number[] =>
    half === "" ? [] : half.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail)];
  const zeros = Array<number>(8 - before.length - after.length).fill(0);
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

function name(commonName: string): Der {
  if (commonName === "") return encodeDer(SEQUENCE);
  const value = encodeDer(UTF8_STRING, ascii(commonName));
  const attribute = encodeDer(SEQUENCE, objectIdentifier("2.5.4.3"), value);
  return encodeDer(SEQUENCE, encodeDer(SET, attribute));
}

function time(date: Date): Der {
  const digits = date.toISOString().replace(/\.\d+/, "").replace(/[-:T]/g, "");
  // RFC 5280 section 4.1.2.5: from 2050 on, four digits.
  if (date.getUTCFullYear() >= 2050) return encodeDer(GENERALIZED_TIME, ascii(digits));
  return encodeDer(UTC_TIME, ascii(digits.slice(2)));
}

function serialNumber(): number[] {
  const [first = 0, ...rest] = randomBytes(16);
  return [(first & 0x3f) | 0x40, ...rest];
}

function signatureAlgorithm(key: KeyObject, kind: SignatureKind): Der {
  const type = key.asymmetricKeyType;
  const absent = encodeDer(NULL);
  if (type === "rsa" && kind === "pss") {
    const hash = encodeDer(SEQUENCE, objectIdentifier("2.16.840.1.101.3.4.2.1"), absent);
    const mask = encodeDer(SEQUENCE, objectIdentifier("1.2.840.113549.1.1.8"), hash);
    const parameters = encodeDer(
      SEQUENCE,
      encodeDer(0xa0, hash),
      encodeDer(0xa1, mask),
      encodeDer(0xa2, encodeDer(INTEGER, [32])),
    );
    return encodeDer(SEQUENCE, objectIdentifier("1.2.840.113549.1.1.10"), parameters);
  }
  if (type === "rsa") {
    const id = kind === "sha1" ? "1.2.840.113549.1.1.5" : "1.2.840.113549.1.1.11";
    return encodeDer(SEQUENCE, objectIdentifier(id), absent);
  }
  if (type === "ed25519") return encodeDer(SEQUENCE, objectIdentifier("1.3.101.112"));
  const id = { sha1: "1.2.840.10045.4.1", sha256: "1.2.840.10045.4.3.2" };
  const larger = { sha384: "1.2.840.10045.4.3.3", sha512: "1.2.840.10045.4.3.4" };
  return encodeDer(SEQUENCE, objectIdentifier({ ...id, ...larger }[hashOf(key, kind)]));
}

function hashOf(key: KeyObject, kind: SignatureKind): "sha1" | "sha256" | "sha384" | "sha512" {
  if (kind === "sha1") return "sha1";
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === "secp384r1") return "sha384";
  return curve === "secp521r1" ? "sha512" : "sha256";
}

function signed(tbs: Der, key: KeyObject, kind: SignatureKind): Uint8Array {
  const type = key.asymmetricKeyType;
  const padding = kind === "pss" && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const hash = type === "ed25519" ? null : hashOf(key, kind);
  const value = sign(hash, tbs, { key, ...padding });
  // The last byte belongs to a number in the content, so changing it keeps the encoding valid.
  if (kind === "broken") value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
  return value;
}

function objectIdentifier(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return encodeDer(OBJECT_IDENTIFIER, bytes);
}

function ascii(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}
