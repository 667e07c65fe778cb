/**
 * The identities that a caller can require of a server, and the certificates that have them.
 *
 * @module
 */

import { generateKeyPairSync } from "node:crypto";
import process from "node:process";
import { expect, onTestFinished, test, vi } from "vitest";
import { checkExpectedIdentity } from "../../../src/certificates/expected-identity.ts";
import { derOf } from "../../../src/certificates/pem.ts";
import { checkServerIdentityOption } from "../../../src/certificates/spiffe-id.ts";
import { ConfigError } from "../../../src/errors.ts";
import { formatAddress, parseAddress } from "../../../src/ip-address.ts";
import {
  basicConstraints,
  keyUsage,
  makeCertificate,
  subjectAltName,
} from "../../support/chains/certificate.ts";

const id = "spiffe://example.org/ns/shop/sa/billing";

test.each([
  id,
  "spiffe://a/b",
  "spiffe://a-b_c.d1/A.b-c_d/...",
  `spiffe://${"a".repeat(255)}/b`,
  `spiffe://a/${"b".repeat(2037)}`,
])("checkServerIdentityOption() accepts %.60s", (text) => {
  expect(() => checkServerIdentityOption(text)).not.toThrow();
});

test.each([
  "",
  "example.org/a",
  "spiffe://",
  "spiffe:///a",
  "spiffe://example.org",
  "spiffe://example.org/",
  "spiffe://example.org/a/",
  "spiffe://example.org//a",
  "spiffe://example.org/./a",
  "spiffe://example.org/a/..",
  "spiffe://example.org/a%20b",
  "spiffe://example.org/a b",
  "spiffe://example.org/a?b",
  "spiffe://example.org/a#b",
  "spiffe://example.org:8443/a",
  "spiffe://user@example.org/a",
  "spiffe://Example.org/a",
  "SPIFFE://example.org/a",
  " spiffe://example.org/a",
  "spiffe://example.org/a\n",
  "https://example.org/a",
  `spiffe://${"a".repeat(256)}/b`,
  `spiffe://a/${"b".repeat(2038)}`,
])("checkServerIdentityOption() rejects %.60j", (text) => {
  expect(() => checkServerIdentityOption(text)).toThrow(ConfigError);
  expect(() => checkServerIdentityOption(text)).toThrow(/no SPIFFE ID, such as/);
});

test.each([[null], [1], [{}], [["spiffe://a/b"]], [new URL(id)]])(
  "checkServerIdentityOption() rejects %s, which is neither a text nor a function",
  (given) => {
    expect(() => checkServerIdentityOption(given)).toThrow(TypeError);
  },
);

type Extension = ReturnType<typeof basicConstraints>;

function certificate(...extensions: readonly Extension[]): Uint8Array {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const dates = { notBefore: new Date(0), notAfter: new Date(Date.now() + 3_600_000) };
  const names = { subject: "api", issuer: "ca", signer: privateKey, publicKey: privateKey };
  return derOf(makeCertificate({ ...dates, ...names, extensions }));
}

test("checkExpectedIdentity() rejects a CA certificate, whatever its identity", () => {
  const name = subjectAltName(`uri:${id}`);
  expect(checkExpectedIdentity(certificate(name), id)).toBeUndefined();
  for (const harmless of [basicConstraints(false), keyUsage("digitalSignature")]) {
    expect(checkExpectedIdentity(certificate(name, harmless), id)).toBeUndefined();
  }
  for (const extension of [basicConstraints(true), keyUsage("keyCertSign"), keyUsage("cRLSign")]) {
    const refusal = checkExpectedIdentity(certificate(name, extension), id);
    expect(String(refusal)).toContain("is an authority's");
  }
});

test("checkExpectedIdentity() rejects if a function returns a promise, whose rejection ends no process", async () => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  onTestFinished(() => void process.off("unhandledRejection", unhandled));
  const fails = async (): Promise<boolean> => {
    await Promise.resolve();
    throw new Error("the directory is down");
  };
  const isExpected = fails as unknown as () => boolean;
  const refusal = checkExpectedIdentity(certificate(subjectAltName(`uri:${id}`)), isExpected);
  expect(String(refusal)).toContain("by returning a promise");
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(unhandled).not.toHaveBeenCalled();
});

test("checkExpectedIdentity() escapes the certificate's names for terminals", () => {
  const uris = ["spiffe://a/\u001b[31mred", `spiffe://a/${"b".repeat(5_000)}`];
  const der = certificate(subjectAltName(...uris.map((uri) => `uri:${uri}`)));
  const message = String(checkExpectedIdentity(der, id));
  expect(message).not.toContain("\u001b");
  expect(message.length).toBeLessThan(1_000);
});

test.each(["10.96.0.1", "0.0.0.0", "255.255.255.255", "::1", "::", "fd00::1:0:0:1", "2001:db8::"])(
  "formatAddress() writes %s",
  (text) => {
    const address = parseAddress(text);
    expect(address && formatAddress(address)).toBe(text);
  },
);
