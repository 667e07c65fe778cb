/**
 * Whether a certificate is for the host that was asked for, once the runtime has found that an anchor vouches
 * for it.
 *
 * @module
 */

import { type CertificateParts, readParts } from "../../src/certificates/certificate.ts";
import { messageOf } from "../../src/callback.ts";
import {
  type AlternativeNames,
  alternativeNames,
  includesHost,
} from "../../src/certificates/host-name.ts";
import { isInsecurelySigned } from "../../src/certificates/issuer.ts";
import { excludesWildcard } from "../../src/certificates/name-constraints.ts";
import type { TlsSnapshot } from "../../src/runtime.ts";

/** A certificate, as `node:tls` gives it, and Bun's `fetch` without its issuers. */
export interface PresentedCertificate {
  /** DER. */
  readonly raw: Uint8Array;
  /** Its own, if it is its own issuer. */
  readonly issuerCertificate?: PresentedCertificate | undefined;
}

/** What a certificate is rejected with, by the codes of Node. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
  readonly code: string;

  constructor(
    message: string,
    code: "CERT_REJECTED" | "CERT_HAS_EXPIRED" | "ERR_TLS_CERT_ALTNAME_INVALID",
  ) {
    super(message);
    this.code = code;
  }
}

/**
 * As Go's `crypto/x509`. Left to themselves, runtimes fall back to the common name, and match a wildcard within
 * a label. In many releases of Node, the last of 22 among them, its own check rejects every certificate for an
 * IPv6 address (https://github.com/nodejs/node/issues/64144).
 *
 * @param serverIdentity What checks the certificate in place of the host.
 */
export function checkIdentity(
  host: string,
  certificate: PresentedCertificate,
  serverIdentity: TlsSnapshot["serverIdentity"],
): Error | undefined {
  try {
    const [leaf, ...issuers] = chainOf(certificate).map(readParts) as [
      CertificateParts,
      ...CertificateParts[],
    ];
    // BoringSSL takes it.
    if (isInsecurelySigned(leaf)) return rejected("it is signed over a broken hash");
    const names = alternativeNames(leaf);
    if (serverIdentity !== undefined) {
      const refusal = serverIdentity(certificate.raw);
      if (refusal !== undefined) return refusal;
    } else if (!includesHost(names, host)) return notFor(host, names);
    if (issuers.some((issuer) => excludesWildcard(issuer, names.hosts))) {
      return rejected("a wildcard of it stands for a name that its issuer must not vouch for");
    }
    return undefined;
  } catch (cause) {
    return rejected(`it is malformed (${messageOf(cause)})`);
  }
}

/** A certificate and those that follow it, in DER: its issuers, and on Deno whatever the server presents. */
export function chainOf(certificate: PresentedCertificate): Uint8Array[] {
  const chain = new Set<PresentedCertificate>();
  for (let at: PresentedCertificate | undefined = certificate; at !== undefined;) {
    if (chain.has(at) || at.raw === undefined) break;
    chain.add(at);
    at = at.issuerCertificate;
  }
  return Array.from(chain, ({ raw }) => raw);
}

/** The error of a certificate that no anchor vouches for, whatever the TLS library says. */
export function rejected(reason: string): CertificateError {
  return new CertificateError(`the certificate is not trusted: ${reason}`, "CERT_REJECTED");
}

function notFor(host: string, { hosts, addresses }: AlternativeNames): CertificateError {
  const has = hosts.length + addresses.length === 0 ? "no names" : "other names";
  return new CertificateError(
    `the certificate is not for ${host}: it has ${has} in its subject alternative name`,
    "ERR_TLS_CERT_ALTNAME_INVALID",
  );
}
