/**
 * Which certificates of a bundle a TLS library gets, of those that it would trust though Go, and so kubectl, does
 * not.
 *
 * @module
 */

import { toHex } from "../bytes.ts";
import { messageOf } from "../callback.ts";
import { type CertificateParts, readParts } from "./certificate.ts";
import { isInForce } from "./issuer.ts";
import { type CertificateCheck, derOf } from "./pem.ts";

/** A certificate that vouches for others. */
export interface Anchor {
  readonly pem: string;
  readonly parts: CertificateParts;
}

/**
 * Checks each certificate of a bundle.
 *
 * @param ca PEM, one each.
 * @throws {Error} if the runtime can't parse one; the message says which.
 */
export function checkEach(ca: readonly string[], check: CertificateCheck | undefined): void {
  for (const [index, pem] of ca.entries()) {
    try {
      check?.(pem);
    } catch (cause) {
      const position = `certificate ${index + 1} of ${ca.length}`;
      throw new Error(`${position} can't be parsed: ${messageOf(cause)}`, { cause });
    }
  }
}

/**
 * Selects the anchors of a bundle.
 *
 * @param ca PEM, one each.
 * @param advice What to do if none may.
 * @throws {Error} if there is none: without any, some runtimes trust their default store.
 */
export function selectAnchors(
  ca: readonly string[],
  isAnchor: (parts: CertificateParts) => boolean,
  advice = "give the certificate of the authority that signs it",
): Anchor[] {
  const anchors = ca
    .map((pem) => ({ pem, parts: readParts(derOf(pem)) }))
    .filter(({ parts }) => isAnchor(parts));
  if (anchors.length > 0) return anchors;
  throw new Error(`none of its certificates may vouch for a server's; ${advice}`);
}

/** The anchors of a span of time. */
export interface AnchorsInForce {
  readonly pem: readonly string[];
  /** As long as these are the ones, in milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
}

/** The anchors that are valid at a moment, for a TLS library that asks none for its dates. */
export function anchorsInForce(anchors: readonly Anchor[], now: number): AnchorsInForce {
  const changes = anchors.flatMap(({ parts }) => [parts.notBefore - 1, parts.notAfter]);
  return {
    pem: anchors.filter(({ parts }) => isInForce(parts, now)).map(({ pem }) => pem),
    from: Math.max(...changes.filter((at) => at < now)),
    until: Math.min(...changes.filter((at) => at >= now)),
  };
}

/** The names by which a certificate leads to its issuer. */
export interface Names {
  readonly subject: string;
  readonly issuer: string;
}

/**
 * Whether the issuers of an anchor lead back to it. Runtimes follow them from the server's certificate to one that
 * has signed itself: Node runs out of memory and Deno's `node:tls` never returns if there is none on the way.
 */
export function isInCircle(anchor: Names, others: readonly Names[]): boolean {
  if (anchor.issuer === anchor.subject) return false;
  const reached = new Set([anchor.issuer]);
  for (const name of reached) {
    for (const { subject, issuer } of others) {
      // What is added is visited as well.
      if (subject === name && issuer !== name) reached.add(issuer);
    }
  }
  return reached.has(anchor.subject);
}

/** @throws {Error} if anchors are in a circle. */
export function refuseCircle(anchors: readonly Anchor[]): void {
  const names = anchors.map(({ parts: { subject, issuer } }) => ({
    subject: toHex(subject),
    issuer: toHex(issuer),
  }));
  if (!names.some((anchor) => isInCircle(anchor, names))) return;
  throw new Error(
    "its certificates have signed each other, which this runtime can't follow to an end; leave one of them out, or give one that has signed itself in its place",
  );
}
