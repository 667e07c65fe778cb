/**
 * Parsing the output of an exec plugin. The names of the cases are client-go's (`exec_test.go`).
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import {
  type ExecCredential,
  readExecCredential as readBytes,
} from "../../../../src/config/kubeconfig/exec-credential.ts";
import { SourceError } from "../../../../src/errors.ts";
import { shown } from "../../../contract/support/inspect.ts";

const v1 = "client.authentication.k8s.io/v1";
const v1beta1 = "client.authentication.k8s.io/v1beta1";
const SECRET = "c2VzYW1lLW9wZW4tc2VzYW1l";

function readExecCredential(output: string, apiVersion: string): ExecCredential {
  return readBytes(new TextEncoder().encode(output), apiVersion);
}

function print(status: unknown, apiVersion = v1): string {
  return JSON.stringify({ kind: "ExecCredential", apiVersion, status });
}

/** The error for a text. Checks that it never contains the text's secret. */
function refusal(output: string, apiVersion = v1): SourceError {
  try {
    readExecCredential(output, apiVersion);
  } catch (error) {
    expect(shown(error)).not.toContain(SECRET);
    if (error instanceof SourceError) return error;
    throw error;
  }
  throw new Error("Cannot find a refusal: it was read");
}

describe("readExecCredential()", () => {
  test("reads a bearer token, trimmed, in v1 and v1beta1", () => {
    const credential = { token: "sesame", clientCert: undefined, expiresAt: undefined };
    for (const version of [v1, v1beta1]) {
      expect(readExecCredential(print({ token: "sesame\n" }, version), version)).toEqual(
        credential,
      );
    }
  });

  test("reads a certificate and its key, beside a token or without one", () => {
    const status = { clientCertificateData: "certificate", clientKeyData: "key" };
    const clientCert = { certificate: "certificate", key: "key" };
    expect(readExecCredential(print(status), v1)).toMatchObject({ token: undefined, clientCert });
    const both = print({ ...status, token: "sesame" });
    expect(readExecCredential(both, v1)).toMatchObject({ token: "sesame", clientCert });
  });

  test("treats null and empty as absent, and ignores unknown fields", () => {
    const given = { token: "sesame", clientCertificateData: "", clientKeyData: null, more: {} };
    const output = JSON.stringify({
      kind: "ExecCredential",
      apiVersion: v1,
      metadata: {},
      spec: { interactive: false },
      status: { ...given, expirationTimestamp: null },
    });
    expect(readExecCredential(output, v1)).toEqual({
      token: "sesame",
      clientCert: undefined,
      expiresAt: undefined,
    });
  });

  test("reads YAML as kubectl does", () => {
    const output = `
      apiVersion: ${v1}
      kind: ExecCredential
      status:
        token: sesame
        expirationTimestamp: 2026-01-01T00:00:00Z
    `;
    const expiresAt = Date.parse("2026-01-01T00:00:00Z");
    expect(readExecCredential(output, v1)).toMatchObject({ token: "sesame", expiresAt });
  });

  test("reads expirationTimestamp by RFC 3339", () => {
    const instant = Date.parse("2026-01-31T12:00:00.250Z");
    for (const expirationTimestamp of [
      "2026-01-31T12:00:00.250Z",
      "2026-01-31t12:00:00.250z",
      "2026-01-31T12:00:00.250000000Z",
      "2026-01-31T14:00:00.250+02:00",
      "2026-01-31T06:30:00.250-05:30",
    ]) {
      const output = print({ token: "sesame", expirationTimestamp });
      expect(readExecCredential(output, v1).expiresAt).toBe(instant);
    }
    // Go's output for the zero time.
    const output = print({ token: "sesame", expirationTimestamp: "0001-01-01T00:00:00Z" });
    expect(readExecCredential(output, v1).expiresAt).toBeUndefined();
    for (const expirationTimestamp of [
      "2026-01-31",
      "2026-01-31 12:00:00Z",
      "2026-01-31T12:00:00",
      "2026-13-31T12:00:00Z",
      "Sat, 31 Jan 2026 12:00:00 GMT",
      "1769860800",
    ]) {
      expect(refusal(print({ token: SECRET, expirationTimestamp }))).toMatchObject({
        reason: "invalid",
        message: expect.stringContaining("status.expirationTimestamp is no time by RFC 3339"),
      });
    }
  });

  test.each([
    ["no kind", { apiVersion: v1, status: { token: SECRET } }, "kind must be ExecCredential"],
    [
      "another kind",
      { kind: "Secret", apiVersion: v1, status: { token: SECRET } },
      "kind must be ExecCredential",
    ],
    [
      "no group and version",
      { kind: "ExecCredential", status: { token: SECRET } },
      "apiVersion must be the one that it was asked for",
    ],
    ["no status", { kind: "ExecCredential", apiVersion: v1 }, "status must be an object"],
    ["a null status", { kind: "ExecCredential", apiVersion: v1, status: null }, "status must be"],
    [
      "a token that is no string",
      { kind: "ExecCredential", apiVersion: v1, status: { token: [SECRET] } },
      "status.token must be a string",
    ],
  ])("rejects %s and names the field", (_, content, message) => {
    expect(refusal(JSON.stringify(content))).toMatchObject({
      reason: "invalid",
      message: expect.stringContaining(`its output is no ExecCredential: ${message}`),
    });
  });

  test.each([
    [
      "a certificate without key",
      { clientCertificateData: SECRET },
      "its output has status.clientCertificateData without status.clientKeyData",
    ],
    [
      "a key without certificate",
      { clientKeyData: SECRET, token: SECRET },
      "its output has status.clientKeyData without status.clientCertificateData",
    ],
    ["no token", {}, "its output has neither status.token nor status.clientCertificateData"],
    [
      "a token that a header can't carry",
      { token: `${SECRET}\n${SECRET}` },
      "status.token: it holds a character that an HTTP header can't carry",
    ],
    ["a token of white space", { token: " \n" }, "status.token: it is empty"],
  ])("rejects %s", (_, status, message) => {
    expect(refusal(print(status)).message).toBe(message);
  });

  test("names both versions when a plugin answers in another version", () => {
    expect(refusal(print({ token: SECRET }, v1beta1)).message).toBe(
      `it was asked for ${v1} and answered with ${v1beta1}; set exec.apiVersion in the kubeconfig to what it speaks`,
    );
    expect(refusal(print({ token: "sesame" }, v1), v1beta1).message).toContain(
      `it was asked for ${v1beta1} and answered with ${v1};`,
    );
    // Text that does not look like a version may be anything, even a secret.
    expect(refusal(print({ token: "sesame" }, SECRET)).message).toContain("another apiVersion");
    expect(refusal(print({ token: "sesame" }, `\u001b[31m${v1}`)).message).toContain("another");
  });

  test("explains an empty output, and what to do if there was more than the credential", () => {
    expect(refusal(" \n")).toMatchObject({ reason: "empty", message: "it printed nothing" });
    for (const output of [
      SECRET,
      JSON.stringify([SECRET]),
      `Logging in ...\n${print({ token: SECRET })}`,
      `{"kind":"ExecCredential","status":{"token":"${SECRET}"`,
      `${print({ token: SECRET })}\n${print({ token: SECRET })}`,
      `status: {token: &token ${SECRET}, more: *token}`,
    ]) {
      expect(refusal(output).message).toMatch(
        /^its output is neither a JSON nor a YAML object; .* belongs on standard error$/,
      );
    }
  });
});
