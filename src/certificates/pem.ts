/**
 * Turns PEM text into its blocks, and that of a CA bundle or a chain into checked certificates, the same
 * way on every runtime.
 *
 * Runtimes differ in what they let pass: text without a PEM block is no error on Node, and Deno takes
 * garbage silently. So the text is parsed and checked here, by the lax rules of RFC 7468, and a runtime
 * sees only what came through.
 *
 * @module
 */

import { fromBase64, toBase64 } from "../bytes.ts";
import { messageOf } from "../callback.ts";
import { SourceError } from "../errors.ts";
import { type CertificateFields, readCertificate } from "./certificate.ts";

/** A certificate out of a bundle. */
export interface PemCertificate extends CertificateFields {
  /** Encoded anew by the strict rules of RFC 7468, with a final newline. */
  readonly pem: string;
  readonly der: Uint8Array<ArrayBuffer>;
}

/** The largest bundle that is read: 1 MiB. */
export const MAX_BUNDLE_BYTES: number = 1024 * 1024;

// RFC 7468 section 5.1: labels that mean the same as CERTIFICATE.
const certificateLabels = new Set(["CERTIFICATE", "X509 CERTIFICATE", "X.509 CERTIFICATE"]);

const beginLine = /^-----BEGIN ([\x21-\x2c\x2e-\x7e](?:[- ]?[\x21-\x2c\x2e-\x7e])*)-----\s*$/;

/** Throws if the runtime can't parse a certificate, given as PEM; see {@link Runtime.checkCertificate}. */
export type CertificateCheck = (pem: string) => void;

/**
 * Parses a CA bundle.
 *
 * Text outside blocks and blocks of other types are passed over and not kept.
 *
 * @param text The bundle's text.
 * @param check What the runtime says of each certificate.
 * @returns At least one certificate, in order.
 * @throws {SourceError} if it is empty or too large, holds no certificate, or any block is malformed,
 * cut off or no certificate. The message names the block and its line, and never quotes the text.
 */
export function parseBundle(
  text: string,
  check?: CertificateCheck,
): [PemCertificate, ...PemCertificate[]] {
  const certificates: PemCertificate[] = [];
  const others = new Set<string>();
  for (const block of pemBlocks(text)) {
    if (certificateLabels.has(block.label)) certificates.push(decode(block, check));
    else others.add(block.label);
  }
  const [first, ...more] = certificates;
  if (first === undefined) throw missing("CERTIFICATE", others);
  return [first, ...more];
}

/** What stands between a BEGIN line and its END line. */
export interface PemBlock {
  /** Which block of the text it is, counted from 1. */
  readonly number: number;
  /** The line at which it begins, counted from 1. */
  readonly line: number;
  readonly label: string;
  /** Its lines, joined. */
  readonly body: string;
}

/**
 * Finds the blocks of a text.
 *
 * @throws {SourceError} if it is empty or too large, and at the first block that is malformed or cut
 * off.
 */
export function* pemBlocks(text: string): Generator<PemBlock> {
  if (text.length > MAX_BUNDLE_BYTES) throw new SourceError("it is larger than 1 MiB", "too-large");
  if (text.trim() === "") throw new SourceError("it is empty", "empty");

  let open: { number: number; line: number; label: string; body: string[] } | undefined;
  let number = 0;
  let line = 0;
  for (const raw of text.split(/\r\n|\r|\n/)) {
    line++;
    const content = raw.trim();
    if (content.startsWith("-----BEGIN ")) {
      if (open !== undefined)
        throw malformed(open, `another block begins on line ${line} before it ends`);
      number++;
      const label = beginLine.exec(content)?.[1];
      if (label === undefined) throw malformed({ number, line }, "its BEGIN line is malformed");
      open = { number, line, label, body: [] };
    } else if (content.startsWith("-----END ")) {
      if (open === undefined)
        throw malformed({ number: number + 1, line }, "its BEGIN line is missing");
      if (content !== `-----END ${open.label}-----`) {
        throw malformed(
          open,
          `its END line (line ${line}) does not match its BEGIN line; were two files joined without a newline?`,
        );
      }
      yield { ...open, body: open.body.join("") };
      open = undefined;
    } else {
      open?.body.push(content);
    }
  }
  if (open !== undefined) throw malformed(open, "the text ends before its END line");
}

function decode(block: PemBlock, check: CertificateCheck | undefined): PemCertificate {
  const der = decodeBlock(block);
  let fields: CertificateFields;
  try {
    fields = readCertificate(der);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unknown";
    throw malformed(block, `it is not a certificate in DER (${reason})`, cause);
  }
  // Not the base64 as it came: its last character may carry bits that strict decoders reject.
  const pem = encodePem("CERTIFICATE", der);
  try {
    check?.(pem);
  } catch (cause) {
    throw malformed(block, `this runtime can't parse the certificate (${messageOf(cause)})`, cause);
  }
  return { ...fields, der, pem };
}

/**
 * The bytes of a block.
 *
 * @throws {SourceError} if its body is not base64.
 */
export function decodeBlock(block: PemBlock): Uint8Array<ArrayBuffer> {
  const base64 = block.body.replace(/\s+/g, "");
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    throw malformed(block, "it is not base64");
  }
  return fromBase64(base64);
}

/**
 * The bytes of the only block of a text, such as the `pem` of a {@link PemCertificate}.
 *
 * @throws {SourceError} if there is none, or it is malformed.
 */
export function derOf(pem: string): Uint8Array<ArrayBuffer> {
  for (const block of pemBlocks(pem)) return decodeBlock(block);
  throw missing("CERTIFICATE", []);
}

/** Encodes bytes as one block by the strict rules of RFC 7468, with a final newline. */
export function encodePem(label: string, der: Uint8Array): string {
  const lines = toBase64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** The error of a text that has no block of a label, with the labels that it has. */
export function missing(label: string, others: Iterable<string>): SourceError {
  const labels = [...others].slice(0, 5).map((other) => other.slice(0, 40));
  const found = labels.length === 0 ? "no PEM block at all" : `only ${labels.join(", ")}`;
  return new SourceError(`it holds no ${label} block (found ${found})`, "invalid");
}

/** The error of a block; its message names the block and its line. */
export function malformed(
  block: { number: number; line: number },
  reason: string,
  cause?: unknown,
): SourceError {
  const message = `block ${block.number} (line ${block.line}) is malformed: ${reason}`;
  return new SourceError(message, "invalid", { cause });
}
