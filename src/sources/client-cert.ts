/**
 * A client certificate and its private key: as it comes, and as it was checked.
 *
 * @module
 */

/**
 * A client certificate with the private key that belongs to it. Frozen; the same pair is the same object.
 *
 * The key shows up neither in JSON nor in what a runtime prints of the object, and is not copied with it.
 */
export interface ClientCert {
  /** The certificate as PEM, with the intermediates that came along after it. */
  readonly certificate: string;
  /** The private key as PEM (PKCS#8). */
  readonly key: string;
  /** The certificate's subject by RFC 4514, as in `CN=admin,O=system:masters`. */
  readonly subject: string;
  /** From when it is valid, in milliseconds since the epoch. */
  readonly notBefore: number;
  /** Until when it is valid, in milliseconds since the epoch. */
  readonly notAfter: number;
  /** The SHA-256 over the DER encodings of the chain. Nothing of the private key is in it. */
  readonly fingerprint: string;
  /** When this content was first read, in milliseconds since the epoch. */
  readonly loadedAt: number;
  /** Its subject and until when it is valid. */
  toString(): string;
}

/** The paths of a client certificate and its key. */
export interface ClientCertFiles {
  /** The certificate, and after it any intermediates. */
  readonly certificate: string;
  /** Its private key. */
  readonly key: string;
}

/** A client certificate as it comes. */
export interface ClientCertPem {
  /** The certificate as PEM, and after it any intermediates. */
  readonly certificate: string | Uint8Array;
  /** Its private key as PEM: PKCS#8, SEC1 or PKCS#1, without a passphrase. */
  readonly key: string | Uint8Array;
}

/** Returns a client certificate and its private key. Called again if the two do not belong together. */
export type ClientCertFunction = (signal: AbortSignal) => ClientCertPem | Promise<ClientCertPem>;
