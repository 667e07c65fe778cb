/**
 * What drivers make of the failure of a TLS handshake. Most pass on the error of `node:tls`. Some keep only its
 * text: gRPC has it in the details of code 14 (`UNAVAILABLE`).
 *
 * @module
 */

import { failureByCode } from "../../_shared/node-error-codes.ts";
import { explain } from "../undici-errors.ts";

/** Messages of OpenSSL's `X509_verify_cert_error_string`, and our own, by the codes of Node. */
const messages: readonly (readonly [RegExp, code: string])[] = [
  [/unable to (?:verify|get|decrypt|decode) .*(?:certificate|issuer)/i, "CERT_UNTRUSTED"],
  [/self[- ]signed certificate/i, "CERT_UNTRUSTED"],
  [/certificate (?:signature failure|not trusted|rejected|chain too long)/i, "CERT_UNTRUSTED"],
  [/certificate is not trusted|\(unknown-authority\)/i, "CERT_UNTRUSTED"],
  [/invalid (?:non-)?CA certificate|(?:unsupported|unsuitable) certificate purpose/i, "INVALID_CA"],
  [/key identifier mismatch|issuer mismatch/i, "CERT_UNTRUSTED"],
  [/certificate (?:has expired|is not yet valid)|\(expired\)/i, "CERT_HAS_EXPIRED"],
  [/trust changed before the handshake ended/i, "ERR_REANCHOR_LATE_HANDSHAKE"],
];

/** As many characters of an error are looked at. */
const MAX_TEXT = 4_096;

/**
 * Finds the failure of the handshake in a driver's error.
 *
 * @returns The error itself if its code, or that of a cause, says what failed. Else one with the code that its text
 * stands for, if any.
 */
export function handshakeFailure(error: unknown): unknown {
  if (!(error instanceof Error) || explain(error) !== "other") return error;
  const details = "details" in error && typeof error.details === "string" ? error.details : "";
  const text = `${error.message} ${details}`.slice(0, MAX_TEXT);
  const named = text.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? [];
  const codes = [
    ...named,
    ...messages.flatMap(([pattern, code]) => (pattern.test(text) ? [code] : [])),
  ];
  const found = codes
    .map((code) => Object.assign(new Error(text), { code }))
    .find((candidate) => failureByCode(candidate) !== undefined);
  return found ?? error;
}
