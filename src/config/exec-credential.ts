/**
 * What an exec plugin prints: an ExecCredential of `client.authentication.k8s.io`, v1 or v1beta1.
 *
 * @module
 */

import { parse as parseYaml } from "yaml";
import * as z from "zod/mini";
import { SourceError } from "../errors.ts";
import type { ClientCertPem } from "../sources/client-cert-source.ts";
import { checkToken } from "../sources/token-source.ts";

/** What a plugin gives. */
export interface ExecCredential {
  /** A bearer token; `undefined` where it gives none. */
  readonly token: string | undefined;
  /** A client certificate and its key, as PEM. */
  readonly clientCert: ClientCertPem | undefined;
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

/**
 * Reads what a plugin printed.
 *
 * @param output JSON, or YAML as kubectl takes it.
 * @param apiVersion What it was asked for.
 * @throws {SourceError} where it is none. The message names the field, and never quotes a value.
 */
export function readExecCredential(output: string, apiVersion: string): ExecCredential {
  if (output.trim() === "") throw invalid("it printed nothing");
  const result = schema.safeParse(decode(output));
  if (!result.success) {
    const [issue] = result.error.issues;
    const path = issue?.path.join(".") || "the whole";
    throw invalid(`its output is no ExecCredential: ${path}: ${issue?.message ?? "is wrong"}`);
  }
  const { status } = result.data;
  if (result.data.apiVersion !== apiVersion) {
    throw invalid(
      `it was asked for apiVersion ${apiVersion} and answered with ${clean(result.data.apiVersion)}; set the kubeconfig's exec.apiVersion to what the plugin speaks`,
    );
  }
  const token = status.token ? tokenOf(status.token) : undefined;
  const { clientCertificateData: certificate, clientKeyData: key } = status;
  if (Boolean(certificate) !== Boolean(key)) {
    const missing = certificate ? "status.clientKeyData" : "status.clientCertificateData";
    throw invalid(`its output has no ${missing}: a certificate and its key come together`);
  }
  const clientCert = certificate && key ? { certificate, key } : undefined;
  if (token === undefined && clientCert === undefined) {
    throw invalid("its output has neither status.token nor status.clientCertificateData");
  }
  return { token, clientCert, expiresAt: expiryOf(status.expirationTimestamp) };
}

function decode(output: string): unknown {
  try {
    return output.trimStart().startsWith("{")
      ? JSON.parse(output)
      : parseYaml(output, { maxAliasCount: 0 });
  } catch {
    // Parsers quote what they stumble over, which may be a secret: so no cause.
    throw invalid("its output is neither JSON nor YAML");
  }
}

function tokenOf(written: string): string {
  try {
    return checkToken(written);
  } catch (cause) {
    throw invalid(`status.token: ${cause instanceof Error ? cause.message : "it is wrong"}`);
  }
}

function expiryOf(timestamp: string | null | undefined): number | undefined {
  if (!timestamp) return undefined;
  const isRfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
  const at = isRfc3339.test(timestamp) ? Date.parse(timestamp.toUpperCase()) : Number.NaN;
  if (Number.isNaN(at)) throw invalid("status.expirationTimestamp is no RFC 3339 date");
  return at;
}

function clean(written: string): string {
  return written.replace(/[^\x20-\x7e]/g, "").slice(0, 60);
}

function invalid(message: string): SourceError {
  return new SourceError(message, "invalid");
}
