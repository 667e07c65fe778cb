/**
 * What Deno asks of certificates, and what it must be asked in its place: rustls takes an anchor's name and key
 * and looks at nothing else of it.
 *
 * @module
 */

import { toHex } from "../../src/bytes.ts";
import { messageOf } from "../../src/callback.ts";
import {
  type Anchor,
  anchorsInForce,
  refuseCircle,
  selectAnchors,
} from "../../src/certificates/anchors.ts";
import { maySign } from "../../src/certificates/issuer.ts";
import { CertificateError } from "../_shared/server-identity.ts";
import { type HttpClient, type HttpClientOptions, deno, nodeCrypto } from "./shim.ts";
import { systemClock } from "../../src/runtime.ts";

/** See {@link Runtime.checkCertificate}: by both parsers that Deno has, that of `fetch` and that of `node:tls`. */
export function checkCertificate(pem: string): void {
  parseAsAnchor(pem);
  const { X509Certificate } = nodeCrypto();
  new X509Certificate(pem);
}

/** @throws {Error} if rustls can't parse the certificate. */
export function parseAsAnchor(pem: string): void {
  deno()
    .createHttpClient({ caCerts: [pem] })
    .close();
}

/** @throws {Error} if the client certificate can't be used. */
export function openHttpClient(options: HttpClientOptions): HttpClient {
  try {
    return deno().createHttpClient(options);
  } catch (cause) {
    if (!messageOf(cause).includes("UnsupportedCertVersion")) throw cause;
    throw new Error(
      "it is of X.509 version 1, which Deno's fetch can't show to a server; have it issued with version 3, or set exclusiveTrust",
      { cause },
    );
  }
}

/**
 * The `HttpClient` of a bundle, made anew whenever one of its anchors begins or ceases to be valid.
 */
export class CurrentClient {
  readonly #anchors: readonly Anchor[];
  readonly #settings: HttpClientOptions;
  #client: HttpClient | undefined;
  #from = Infinity;
  #until = -Infinity;

  /** @throws {Error} if the client certificate can't be used, or none of the bundle may vouch for others. */
  constructor(ca: readonly string[], settings: HttpClientOptions) {
    openHttpClient(settings).close(); // Now, so that what it can't use is no failure of a request.
    this.#anchors = selectAnchors(
      ca,
      maySign,
      "trust a server's own certificate with exclusiveTrust",
    );
    this.#settings = settings;
  }

  /**
   * The client of this moment.
   *
   * @throws {CertificateError} if no anchor is valid.
   */
  get(): HttpClient {
    const now = systemClock.wallNow();
    if (now <= this.#from || now > this.#until) this.#open(now);
    if (this.#client !== undefined) return this.#client;
    // Without an anchor, Deno would trust its default store alone.
    throw new CertificateError(
      "no certificate of the CA bundle is valid at this time",
      "CERT_HAS_EXPIRED",
    );
  }

  /** Closes idle connections. What is in flight ends by itself. */
  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  #open(now: number): void {
    this.close();
    const { pem, from, until } = anchorsInForce(this.#anchors, now);
    this.#from = from;
    this.#until = until;
    if (pem.length === 0) return;
    this.#client = openHttpClient({ ...this.#settings, caCerts: [...pem] });
  }
}

/**
 * The anchors for `node:tls`, any of which may turn out to be the server's own certificate: `checkChain` judges. The
 * self-signed ones come first, since of several with one name Deno looks at the first to find an issuer, and goes on
 * from it to its own.
 *
 * @throws {Error} if some lead back to themselves.
 */
export function anchorsForNodeTls(ca: readonly string[]): Anchor[] {
  const anchors = selectAnchors(ca, () => true);
  const subjects = new Set<string>();
  const isFirst = ({ parts }: Anchor): boolean => {
    const subject = toHex(parts.subject);
    return !subjects.has(subject) && subjects.add(subject) !== undefined;
  };
  const isSelfSigned = ({ parts }: Anchor): boolean => toHex(parts.subject) === toHex(parts.issuer);
  const sorted = [...anchors].sort((a, b) => Number(isSelfSigned(b)) - Number(isSelfSigned(a)));
  refuseCircle(sorted.filter(isFirst));
  return sorted;
}
