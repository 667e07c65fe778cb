/**
 * Whether a certificate may vouch for others, by the rules of Go's `crypto/x509`: runtimes ask less of trust
 * anchors, and not all of them the same.
 *
 * @module
 */

import type { CertificateParts, Extension } from "./certificate.ts";
import {
  BIT_STRING,
  BOOLEAN,
  DerReader,
  INTEGER,
  OBJECT_IDENTIFIER,
  SEQUENCE,
  readObjectIdentifier,
} from "./der.ts";

const KEY_USAGE = "2.5.29.15";
const BASIC_CONSTRAINTS = "2.5.29.19";
const EXTENDED_KEY_USAGE = "2.5.29.37";

/** Extensions that Go handles; critical ones that it does not know make it reject a certificate. */
const handled: ReadonlySet<string> = new Set([
  "2.5.29.14", // subject key identifier
  KEY_USAGE,
  "2.5.29.17", // subject alternative name
  BASIC_CONSTRAINTS,
  "2.5.29.30", // name constraints
  "2.5.29.31", // CRL distribution points
  "2.5.29.32", // certificate policies
  "2.5.29.33", // policy mappings
  "2.5.29.35", // authority key identifier
  "2.5.29.36", // policy constraints
  EXTENDED_KEY_USAGE,
  "2.5.29.54", // inhibit anyPolicy
  "1.3.6.1.5.5.7.1.1", // authority information access
]);

const authUsages: Readonly<Record<CertificateUse, string>> = {
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
};
const ANY_USAGE = "2.5.29.37.0";

/** The bit of the key usage, counted from the first byte's highest (RFC 5280 section 4.2.1.3). */
const KEY_CERT_SIGN = 0x04;
const CRL_SIGN = 0x02;

/** Signatures that can be forged. */
const insecure: ReadonlySet<string> = new Set([
  "1.2.840.113549.1.1.2", // MD2 with RSA
  "1.2.840.113549.1.1.4", // MD5 with RSA
  "1.2.840.113549.1.1.5", // SHA-1 with RSA
  "1.3.14.3.2.29", // SHA-1 with RSA, by its old name
  "1.2.840.10040.4.3", // SHA-1 with DSA
  "1.2.840.10045.4.1", // SHA-1 with ECDSA
]);

/** Whether this moment is within a certificate's validity. */
export function isInForce({ notBefore, notAfter }: CertificateParts, now: number): boolean {
  return notBefore <= now && now <= notAfter;
}

/** Whether a certificate's signature algorithm is too weak to prove anything. Anchors need no signature. */
export function isInsecurelySigned({ signatureAlgorithm }: CertificateParts): boolean {
  return insecure.has(signatureAlgorithm);
}

/** Whether a certificate has a critical extension that nobody here can judge. */
export function hasUnknownCriticalExtension({ extensions }: CertificateParts): boolean {
  return Array.from(extensions).some(([type, { critical }]) => critical && !handled.has(type));
}

/** Which end of a connection a certificate is for. */
export type CertificateUse = "server" | "client";

/** Whether a certificate is for such an end, as far as it says what it is for, or vouches for such. */
export function isFor(use: CertificateUse, { extensions }: CertificateParts): boolean {
  const extension = extensions.get(EXTENDED_KEY_USAGE);
  if (extension === undefined) return true;
  const usages = new DerReader(new DerReader(extension.value).next(SEQUENCE).content);
  while (!usages.atEnd) {
    const usage = readObjectIdentifier(usages.next(OBJECT_IDENTIFIER).content);
    if (usage === authUsages[use] || usage === ANY_USAGE) return true;
  }
  return false;
}

function mayKeySign(extension: Extension): boolean {
  return (usageBits(extension) & KEY_CERT_SIGN) !== 0;
}

function usageBits(extension: Extension): number {
  const [, bits = 0] = new DerReader(extension.value).next(BIT_STRING).content;
  return bits;
}

/** Whether a certificate is an authority's, by its basic constraints or by a usage of its key. */
export function isAuthority(certificate: CertificateParts): boolean {
  const usage = certificate.extensions.get(KEY_USAGE);
  if (usage !== undefined && (usageBits(usage) & (KEY_CERT_SIGN | CRL_SIGN)) !== 0) return true;
  return basicConstraints(certificate)?.isCa === true;
}

/**
 * Whether a certificate passes for an authority's only because its key usage says that it signs: OpenSSL takes
 * that in place of basic constraints, as certificates of the 1990s had it. A malformed key usage counts as one.
 */
export function isAuthorityByUsageAlone({ version, extensions }: CertificateParts): boolean {
  const usage = extensions.get(KEY_USAGE);
  const hasConstraints = extensions.has(BASIC_CONSTRAINTS);
  if (version !== 3 || hasConstraints || usage === undefined) return false;
  try {
    return mayKeySign(usage);
  } catch {
    return true;
  }
}

/** What a certificate says of being an authority; `undefined` if it says nothing. */
export function basicConstraints({
  extensions,
}: CertificateParts): { readonly isCa: boolean; readonly pathLength: number } | undefined {
  const extension = extensions.get(BASIC_CONSTRAINTS);
  if (extension === undefined) return undefined;
  const constraints = new DerReader(new DerReader(extension.value).next(SEQUENCE).content);
  const isCa = constraints.nextTag === BOOLEAN && constraints.next().content[0] !== 0;
  if (constraints.nextTag !== INTEGER) return { isCa, pathLength: Infinity };
  const bytes = constraints.next().content;
  return { isCa, pathLength: bytes.reduce((length, byte) => length * 256 + byte, 0) };
}

/**
 * Whether a certificate may sign those of servers, or of clients, or of authorities for them. Its dates are not
 * asked. One with a malformed extension may not.
 */
export function maySign(certificate: CertificateParts, use: CertificateUse = "server"): boolean {
  try {
    return saysThatItSigns(certificate, use);
  } catch {
    return false;
  }
}

function saysThatItSigns(certificate: CertificateParts, use: CertificateUse): boolean {
  const constraints = basicConstraints(certificate);
  // Certificates of version 1 have no extensions by which to say so.
  if (constraints === undefined ? certificate.version === 3 : !constraints.isCa) return false;
  const usage = certificate.extensions.get(KEY_USAGE);
  if (usage !== undefined && !mayKeySign(usage)) return false;
  return isFor(use, certificate) && !hasUnknownCriticalExtension(certificate);
}
