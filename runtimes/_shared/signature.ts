/**
 * Whether one certificate's key has signed another, by `node:crypto`: its `X509Certificate` knows neither P-521 nor
 * RSA-PSS on Deno.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type KeyObject, constants, createPublicKey, verify } from "node:crypto";
import type { CertificateParts } from "../../src/certificates/certificate.ts";
import {
  DerReader,
  OBJECT_IDENTIFIER,
  SEQUENCE,
  readObjectIdentifier,
} from "../../src/certificates/der.ts";

/** By their object identifiers (RFC 8017, RFC 5758, RFC 8410). SHA-1 and what came before it are none of them. */
const algorithms: Readonly<Record<string, { key: "rsa" | "ec" | "ed25519"; hash: string | null }>> =
  {
    "1.2.840.113549.1.1.11": { key: "rsa", hash: "sha256" },
    "1.2.840.113549.1.1.12": { key: "rsa", hash: "sha384" },
    "1.2.840.113549.1.1.13": { key: "rsa", hash: "sha512" },
    "1.2.840.10045.4.3.2": { key: "ec", hash: "sha256" },
    "1.2.840.10045.4.3.3": { key: "ec", hash: "sha384" },
    "1.2.840.10045.4.3.4": { key: "ec", hash: "sha512" },
    "1.3.101.112": { key: "ed25519", hash: null },
  };
const RSA_PSS = "1.2.840.113549.1.1.10";
const hashes: Readonly<Record<string, string>> = {
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** Whether the issuer's key has signed the certificate; `false` too if the algorithm is unknown. */
export function isSignedBy(certificate: CertificateParts, issuer: CertificateParts): boolean {
  try {
    const key = createPublicKey({
      key: Buffer.from(issuer.publicKey),
      format: "der",
      type: "spki",
    });
    if (certificate.signatureAlgorithm === RSA_PSS) return isSignedByPss(certificate, key);
    const algorithm = algorithms[certificate.signatureAlgorithm];
    if (algorithm === undefined || key.asymmetricKeyType !== algorithm.key) return false;
    return verify(algorithm.hash, certificate.signed, key, certificate.signature);
  } catch {
    return false;
  }
}

/** As Go, with one hash for everything, and a salt as long as it (RFC 4055 section 3.1). */
function isSignedByPss(
  { signed, signature, signatureParameters = new Uint8Array() }: CertificateParts,
  key: KeyObject,
): boolean {
  const parameters = new DerReader(new DerReader(signatureParameters).next(SEQUENCE).content);
  const hashAlgorithm = new DerReader(new DerReader(parameters.next(0xa0).content).next().content);
  const hash = hashes[readObjectIdentifier(hashAlgorithm.next(OBJECT_IDENTIFIER).content)];
  if (hash === undefined || key.asymmetricKeyType !== "rsa") return false;
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  return verify(hash, signed, { key, padding, saltLength }, signature);
}
