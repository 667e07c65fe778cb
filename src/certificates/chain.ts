/**
 * The path from a certificate to a trust anchor, by the rules of Go's `crypto/x509`.
 *
 * @module
 */

import { type CertificateParts, readParts } from "./certificate.ts";
import {
  type CertificateUse,
  basicConstraints,
  hasUnknownCriticalExtension,
  isFor,
  isInForce,
  isInsecurelySigned,
  maySign,
} from "./issuer.ts";

/** What a chain is judged by. */
export interface ChainTerms {
  /** The trust anchors, in DER. */
  readonly anchors: readonly Uint8Array[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Whose chain it is. @default "server" */
  readonly use?: CertificateUse;
  /** Whether the issuer's key has signed the certificate. */
  isSignedBy(certificate: CertificateParts, issuer: CertificateParts): boolean;
}

/** As Go: a chain of certificates that all have one name must not cost more. */
const MAX_SIGNATURE_CHECKS = 100;

interface Link {
  readonly der: Uint8Array;
  readonly parts: CertificateParts;
}

/**
 * Finds a path from a server's or a client's certificate to an anchor.
 *
 * Name constraints are not looked at, and the host is not either.
 *
 * @param presented What it presents: its own certificate, then others in any order. DER.
 * @returns The path in DER, the anchor at its end; `undefined` if there is none.
 * @throws {Error} if a certificate is malformed.
 */
export function pathToAnchor(
  presented: readonly Uint8Array[],
  terms: ChainTerms,
): Uint8Array[] | undefined {
  const { use = "server" } = terms;
  const [leaf, ...intermediates] = presented.map(toLink);
  if (leaf === undefined || !isInForce(leaf.parts, terms.now)) return undefined;
  if (hasUnknownCriticalExtension(leaf.parts) || !isFor(use, leaf.parts)) return undefined;
  if (terms.anchors.some((anchor) => isSame(anchor, leaf.der))) return [leaf.der];
  const anchors = terms.anchors.map(toLink);
  let checks = 0;

  function isIssuer(candidate: Link, path: readonly Link[]): boolean {
    const child = path.at(-1) ?? candidate;
    if (!isSame(child.parts.issuer, candidate.parts.subject) || path.includes(candidate)) {
      return false;
    }
    if (!isInForce(candidate.parts, terms.now) || !maySign(candidate.parts, use)) return false;
    const { pathLength = Infinity } = basicConstraints(candidate.parts) ?? {};
    if (path.length - 1 > pathLength || isInsecurelySigned(child.parts)) return false;
    checks += 1;
    return checks <= MAX_SIGNATURE_CHECKS && terms.isSignedBy(child.parts, candidate.parts);
  }

  function complete(path: readonly Link[]): readonly Link[] | undefined {
    const anchor = anchors.find((candidate) => isIssuer(candidate, path));
    if (anchor !== undefined) return [...path, anchor];
    for (const candidate of intermediates) {
      const { parts } = candidate;
      const mayBeBetween = maySign(parts, use) && basicConstraints(parts)?.isCa === true;
      if (!mayBeBetween || !isIssuer(candidate, path)) continue;
      const completed = complete([...path, candidate]);
      if (completed !== undefined) return completed;
    }
    return undefined;
  }

  return complete([leaf])?.map(({ der }) => der);
}

function toLink(der: Uint8Array): Link {
  return { der, parts: readParts(der) };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
