/**
 * Certificates that are built byte by byte, with subjects and dates that a library would not write. They have
 * no valid signature, because nothing here verifies one.
 *
 * @module
 */

/** A DER element: a tag, and bytes or elements. */
export function der(
  tag: number,
  ...content: readonly (Uint8Array | readonly number[])[]
): Uint8Array {
  const bytes = content.flatMap((part) => [...part]);
  return Uint8Array.from([tag, ...length(bytes.length), ...bytes]);
}

/** Text as bytes, in UTF-8. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Text as bytes in UTF-16, big-endian. */
export function utf16(text: string): Uint8Array {
  return Uint8Array.from(
    Array.from({ length: text.length }, (_, index) => text.charCodeAt(index)).flatMap((unit) => [
      unit >> 8,
      unit & 0xff,
    ]),
  );
}

/** An attribute of a name. */
export interface NameAttribute {
  /** The type's DER content. @default that of a common name, 2.5.4.3 */
  readonly type?: readonly number[];
  /** @default UTF8String */
  readonly tag?: number;
  readonly value: string | Uint8Array;
}

/** The options of {@linkcode certificateDer}. */
export interface CertificateOptions {
  /** The relative names, each with one or more attributes. */
  readonly subject?: readonly (readonly NameAttribute[])[];
  readonly notBefore?: Uint8Array;
  readonly notAfter?: Uint8Array;
  /** Distinguishes certificates with the same subject. */
  readonly serial?: number;
  /** The key identifier's bytes. @default no extensions at all */
  readonly keyIdentifier?: readonly number[];
  /** Bytes after the signature, inside the certificate. */
  readonly afterSignature?: Uint8Array;
}

/** Creates the DER encoding of a certificate. */
export function certificateDer(options: CertificateOptions = {}): Uint8Array {
  const subject = name(options.subject ?? [[{ value: "kubernetes" }]]);
  const algorithm = der(0x30, [0x06, 0x03, 0x2a, 0x03, 0x04]);
  const serial = options.serial ?? 1;
  const body = der(
    0x30,
    der(0xa0, der(0x02, [2])),
    der(0x02, [0x01, (serial >> 8) & 0xff, serial & 0xff]),
    algorithm,
    subject,
    der(
      0x30,
      options.notBefore ?? der(0x17, utf8("260101000000Z")),
      options.notAfter ?? der(0x17, utf8("360101000000Z")),
    ),
    subject,
    der(0x30, algorithm, der(0x03, [0, 1, 2, 3])),
    ...(options.keyIdentifier === undefined ? [] : [extensions(options.keyIdentifier)]),
  );
  const signature = der(0x03, [0, 4, 5, 6]);
  return der(0x30, body, algorithm, signature, options.afterSignature ?? []);
}

/** Creates a certificate as PEM. */
export function certificatePem(options: CertificateOptions = {}): string {
  return pemBlock("CERTIFICATE", certificateDer(options));
}

/** An anchor as PEM, with a common name and a number that distinguishes it from others with that name. */
export function anchorPem(commonName = "kubernetes", serial = 1): string {
  const subject = [[{ value: commonName }]];
  return certificatePem({ subject, serial, keyIdentifier: [serial >> 8, serial & 0xff] });
}

/** Encodes bytes as one PEM block, with a final newline. */
export function pemBlock(label: string, bytes: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function name(relativeNames: readonly (readonly NameAttribute[])[]): Uint8Array {
  const sets = relativeNames.map((attributes) =>
    der(
      0x31,
      ...attributes.map(({ type = [0x55, 0x04, 0x03], tag = 0x0c, value }) =>
        der(0x30, der(0x06, type), der(tag, typeof value === "string" ? utf8(value) : value)),
      ),
    ),
  );
  return der(0x30, ...sets);
}

function extensions(keyIdentifier: readonly number[]): Uint8Array {
  const critical = der(
    0x30,
    der(0x06, [0x55, 0x1d, 0x13]),
    der(0x01, [0xff]),
    der(0x04, der(0x30)),
  );
  const identifier = der(0x30, der(0x06, [0x55, 0x1d, 0x0e]), der(0x04, der(0x04, keyIdentifier)));
  return der(0xa3, der(0x30, critical, identifier));
}

function length(count: number): number[] {
  if (count < 0x80) return [count];
  return count < 0x100 ? [0x81, count] : [0x82, count >> 8, count & 0xff];
}
