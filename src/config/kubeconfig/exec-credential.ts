/**
 * What an exec plugin prints: an ExecCredential of `client.authentication.k8s.io`, v1 or v1beta1.
 *
 * @module
 */

import { parse as parseYaml } from "yaml";
import * as z from "zod/mini";
import { decodeText } from "../../bytes.ts";
import { messageOf } from "../../callback.ts";
import { SourceError } from "../../errors.ts";
import { checkToken } from "../../sources/token-source.ts";

/** What a plugin gives: a token, a client certificate, or both. */
export interface ExecCredential {
  /** A bearer token; `undefined` if it gives none. */
  readonly token: string | undefined;
  /** A client certificate and its key as PEM, not looked at yet; `undefined` if it gives none. */
  readonly clientCert: { readonly certificate: string; readonly key: string } | undefined;
  /** Until when, in milliseconds since the epoch; `undefined` for as long as the server takes it. */
  readonly expiresAt: number | undefined;
}

const text = z.optional(z.nullable(z.string()));

const schema = z.object({
  kind: z.literal("ExecCredential"),
  apiVersion: z.string(),
  status: z.object({
    token: text,
    clientCertificateData: text,
    clientKeyData: text,
    expirationTimestamp: text,
  }),
});

/** What each field must be, for whoever writes a plugin. */
const expected: Readonly<Record<string, string>> = {
  kind: "be ExecCredential",
  apiVersion: "be the one that it was asked for",
  status: "be an object with a token or a client certificate",
};

/** A version of a Kubernetes API, which alone of all that a plugin prints is quoted. */
const apiVersionForm = /^[a-z0-9.-]{1,80}\/v\d{1,3}(?:(?:alpha|beta)\d{1,3})?$/;

/** The instant that Go writes for none. */
const GO_ZERO_TIME = Date.parse("0001-01-01T00:00:00Z");

/**
 * Reads what a plugin printed.
 *
 * @param bytes JSON, or YAML as kubectl takes it, in UTF-8, or in UTF-16 with a byte order mark, as what
 * PowerShell writes.
 * @param apiVersion Which version it was asked for.
 * @throws {SourceError} if it is none. The message names the field, and quotes no value.
 */
export function readExecCredential(bytes: Uint8Array, apiVersion: string): ExecCredential {
  const output = decode(bytes);
  if (output.trim() === "") throw new SourceError("it printed nothing", "empty");
  const result = schema.safeParse(parse(output));
  if (!result.success) {
    const path = result.error.issues[0]?.path.join(".");
    if (!path) throw unreadable();
    throw invalid(
      `its output is no ExecCredential: ${path} must ${expected[path] ?? "be a string"}`,
    );
  }
  const { status, apiVersion: answered } = result.data;
  if (answered !== apiVersion) {
    const other = apiVersionForm.test(answered) ? answered : "another apiVersion";
    throw invalid(
      `it was asked for ${apiVersion} and answered with ${other}; set exec.apiVersion in the kubeconfig to what it speaks`,
    );
  }
  const { clientCertificateData: certificate, clientKeyData: key } = status;
  if (Boolean(certificate) !== Boolean(key)) {
    const [has, lacks] = certificate
      ? ["clientCertificateData", "clientKeyData"]
      : ["clientKeyData", "clientCertificateData"];
    throw invalid(`its output has status.${has} without status.${lacks}`);
  }
  const clientCert = certificate && key ? { certificate, key } : undefined;
  const token = status.token ? readToken(status.token) : undefined;
  if (token === undefined && clientCert === undefined) {
    throw invalid("its output has neither status.token nor status.clientCertificateData");
  }
  return { token, clientCert, expiresAt: readTimestamp(status.expirationTimestamp) };
}

function decode(bytes: Uint8Array): string {
  try {
    return decodeText(bytes);
  } catch (error) {
    throw invalid(`its output can't be read: ${messageOf(error)}`);
  }
}

function parse(output: string): unknown {
  try {
    // Neither a warning, which quotes what it is about, nor an alias, which can grow without limit.
    return output.trimStart().startsWith("{")
      ? JSON.parse(output)
      : parseYaml(output, { logLevel: "error", maxAliasCount: 0 });
  } catch {
    // No cause: a parser's error quotes what it stumbled over.
    throw unreadable();
  }
}

function readToken(written: string): string {
  try {
    return checkToken(written);
  } catch (cause) {
    if (!(cause instanceof SourceError)) throw cause;
    throw new SourceError(`status.token: ${cause.message}`, cause.reason, { cause });
  }
}

function readTimestamp(written: string | null | undefined): number | undefined {
  if (!written) return undefined;
  const form = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
  const at = form.test(written) ? Date.parse(written.toUpperCase()) : Number.NaN;
  if (Number.isNaN(at)) {
    throw invalid("status.expirationTimestamp is no time by RFC 3339, as in 2026-01-31T12:00:00Z");
  }
  return at === GO_ZERO_TIME ? undefined : at;
}

function unreadable(): SourceError {
  return invalid(
    "its output is neither a JSON nor a YAML object; whatever a plugin says beside the credential belongs on standard error",
  );
}

function invalid(message: string): SourceError {
  return new SourceError(message, "invalid");
}
