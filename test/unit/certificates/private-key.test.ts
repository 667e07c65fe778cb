/**
 * Private keys in the forms that OpenSSL, Go, Java and cert-manager write, and invalid ones.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { SourceError } from "../../../src/errors.ts";
import type { PublicKeyInfo } from "../../../src/certificates/certificate.ts";
import { parseBundle } from "../../../src/certificates/pem.ts";
import { isKeyPair, parsePrivateKey } from "../../../src/certificates/private-key.ts";
import {
  fromPem,
  toPem,
  toPkcs1,
  toSec1,
  withEncryptionHeaders,
  withoutPublicKey,
} from "../../support/key-forms.ts";
import { type IssuedCertificate, type KeyAlgorithm, createCa } from "../../support/pki.ts";

const algorithms: readonly KeyAlgorithm[] = ["EC", "P-384", "RSA", "Ed25519"];
const ca = await createCa();

/** Two leaf certificates of each algorithm. */
const leaves: Record<KeyAlgorithm, [IssuedCertificate, IssuedCertificate]> = {
  EC: await two("EC"),
  "P-384": await two("P-384"),
  RSA: await two("RSA"),
  Ed25519: await two("Ed25519"),
};

async function two(algorithm: KeyAlgorithm): Promise<[IssuedCertificate, IssuedCertificate]> {
  const options = { client: true, algorithm };
  return [await ca.issue(options), await ca.issue(options)];
}

async function belongs(key: string, { cert }: IssuedCertificate): Promise<boolean | undefined> {
  return await isKeyPair(parsePrivateKey(key), parseBundle(cert)[0].publicKey);
}

/** Every form of a key of the given algorithm. */
function forms(algorithm: KeyAlgorithm, { key }: IssuedCertificate): Record<string, string> {
  if (algorithm === "RSA") return { "PKCS#8": key, "PKCS#1": toPkcs1(key) };
  if (algorithm === "Ed25519") return { "PKCS#8": key };
  return {
    "PKCS#8": key,
    SEC1: toSec1(key, { parametersBlock: false }),
    "SEC1 after its parameters": toSec1(key),
  };
}

const cases = algorithms.flatMap((algorithm) =>
  Object.entries(forms(algorithm, leaves[algorithm][0])).map(
    ([form, key]) => [algorithm, form, key] as const,
  ),
);

describe.each(cases)("%s as %s", (algorithm, _, key) => {
  const [own, other] = leaves[algorithm];

  test("matches its certificate and no other", async () => {
    expect(await belongs(key, own)).toBe(true);
    expect(await belongs(key, other)).toBe(false);
    for (const another of algorithms.filter((it) => it !== algorithm)) {
      expect(await belongs(key, leaves[another][0])).toBe(false);
    }
  });

  test("is returned as the same PKCS#8, which Web Crypto accepts", async () => {
    const { pem } = parsePrivateKey(key);
    expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----\n[^-]*-----END PRIVATE KEY-----\n$/);
    expect(pem).toBe(parsePrivateKey(own.key).pem);
    const parameters = {
      EC: { name: "ECDSA", namedCurve: "P-256" },
      "P-384": { name: "ECDSA", namedCurve: "P-384" },
      RSA: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
      Ed25519: { name: "Ed25519" },
    }[algorithm];
    const der = Uint8Array.from(fromPem(pem));
    const imported = await crypto.subtle.importKey("pkcs8", der, parameters, true, ["sign"]);
    expect(imported.type).toBe("private");
  });

  test("is found among certificates, comments and white space", () => {
    const text = `# kubelet\r\n${own.cert}\n\n  ${key.replaceAll("\n", "  \r\n")}\n${other.cert}`;
    expect(parsePrivateKey(text).pem).toBe(parsePrivateKey(key).pem);
  });

  test("is rejected when its text is truncated anywhere", () => {
    for (let cut = 0; cut < key.trimEnd().length; cut += 3) {
      expect(() => parsePrivateKey(key.slice(0, cut)), `cut at ${cut}`).toThrow(SourceError);
    }
  });

  test("is rejected when its bytes are truncated anywhere, without quoting them", () => {
    const label = /BEGIN ((?:EC |RSA )?PRIVATE KEY)/.exec(key)?.[1] ?? "";
    const der = fromPem(key.slice(key.indexOf(`-----BEGIN ${label}`)));
    for (let cut = 1; cut < der.length; cut++) {
      const { message, reason, cause } = refusal(toPem(label, der.slice(0, cut)));
      expect(reason).toBe("invalid");
      expect(message).toBe(
        "block 1 (line 1) is malformed: it is not a private key in DER; was it cut off or altered?",
      );
      expect(cause).toBeUndefined();
    }
    const longer = Uint8Array.from([...der, 0]);
    expect(refusal(toPem(label, longer)).message).toMatch(/not a private key in DER/);
  });
});

describe("a key without its public part", () => {
  const [own, other] = leaves.EC;

  test.each([
    ["PKCS#8, as Java writes it", withoutPublicKey(own.key)],
    ["SEC1", toSec1(own.key, { publicKey: false })],
  ])("%s: is verified by a signature", async (_, key) => {
    expect(key).not.toBe(own.key);
    expect(await belongs(key, own)).toBe(true);
    expect(await belongs(key, other)).toBe(false);
    expect(await belongs(key, leaves.RSA[0])).toBe(false);
    expect(await belongs(key, leaves["P-384"][0])).toBe(false);
  });
});

test("isKeyPair() can't compare keys of an algorithm that it does not know, unless the algorithms differ", async () => {
  const ed448 = "1.3.101.113";
  const bytes = new Uint8Array(57);
  const key = { algorithm: ed448, publicKey: undefined, der: bytes, pem: "" };
  const publicKey = { algorithm: ed448, key: bytes, spki: bytes };
  expect(await isKeyPair(key, publicKey)).toBeUndefined();
  expect(await isKeyPair(key, { ...publicKey, algorithm: "1.3.101.112" })).toBe(false);
  expect(await isKeyPair({ ...key, publicKey: bytes }, publicKey)).toBe(true);
  expect(await isKeyPair({ ...key, publicKey: bytes.with(56, 1) }, publicKey)).toBe(false);
});

test("isKeyPair() accepts an RSA key for a certificate that restricts it to PSS", async () => {
  const [{ key, cert }, other] = leaves.RSA;
  const pss = (pem: string): PublicKeyInfo => ({
    ...parseBundle(pem)[0].publicKey,
    algorithm: "1.2.840.113549.1.1.10 3000",
  });
  expect(await isKeyPair(parsePrivateKey(key), pss(cert))).toBe(true);
  expect(await isKeyPair(parsePrivateKey(key), pss(other.cert))).toBe(false);
});

test("isKeyPair() distinguishes RSA keys of different sizes", async () => {
  const [{ key, cert }] = leaves.RSA;
  const { publicKey = new Uint8Array(), ...rest } = parsePrivateKey(key);
  const shorter = { ...rest, publicKey: publicKey.slice(1) };
  expect(await isKeyPair(shorter, parseBundle(cert)[0].publicKey)).toBe(false);
});

test("isKeyPair() verifies a signature if one of two points is compressed", async () => {
  const [own, other] = leaves.EC;
  const key = parsePrivateKey(own.key);
  const compressed = { ...key, publicKey: key.publicKey?.slice(0, 33) };
  expect(await isKeyPair(compressed, parseBundle(own.cert)[0].publicKey)).toBe(true);
  expect(await isKeyPair(compressed, parseBundle(other.cert)[0].publicKey)).toBe(false);
});

test("the first of several keys is used, as in OpenSSL", () => {
  const [first, second] = leaves.EC;
  expect(parsePrivateKey(first.key + second.key).pem).toBe(first.key);
});

describe("parsePrivateKey() rejects", () => {
  const [{ cert, key }] = leaves.EC;
  const [{ key: rsa }] = leaves.RSA;
  const random = crypto.getRandomValues(new Uint8Array(90));
  const encrypted =
    /^it is encrypted with a passphrase, which clients can't use; decrypt it with: openssl pkey -in KEY -out KEY$/;

  test.each<[string, string, string, RegExp]>([
    ["an empty text", " \n", "empty", /^it is empty$/],
    ["more than 1 MiB", key.padEnd(1024 * 1024 + 1, "#"), "too-large", /1 MiB/],
    [
      "a text without a block",
      "sesame",
      "invalid",
      /^it holds no PRIVATE KEY block \(found no PEM block at all\)$/,
    ],
    ["a certificate alone", cert, "invalid", /no PRIVATE KEY block \(found only CERTIFICATE\)/],
    ["a public key", toPem("PUBLIC KEY", random), "invalid", /found only PUBLIC KEY/],
    ["an encrypted key", toPem("ENCRYPTED PRIVATE KEY", random), "invalid", encrypted],
    ["an encrypted PKCS#1 key", withEncryptionHeaders(toPkcs1(rsa)), "invalid", encrypted],
    ["an encrypted SEC1 key", withEncryptionHeaders(toSec1(key)), "invalid", encrypted],
    [
      "an SSH key",
      `${cert}${toPem("OPENSSH PRIVATE KEY", random)}`,
      "invalid",
      /^block 2 \(line \d+\) is of a type that TLS can't use: OPENSSH PRIVATE KEY$/,
    ],
    ["a character outside base64", key.replace("\nM", "\n*"), "invalid", /is not base64/],
    [
      "a SEC1 key that names no curve",
      toSec1(key, { parameters: false, parametersBlock: false }),
      "invalid",
      /not a private key in DER/,
    ],
    ["a PKCS#1 key under the label of PKCS#8", relabel(toPkcs1(rsa)), "invalid", /in DER/],
    ["random bytes", toPem("PRIVATE KEY", random), "invalid", /in DER/],
    [
      "a block that is cut off after a good one",
      `${key}${cert.slice(0, 200)}`,
      "invalid",
      /block 2 \(line \d+\) is malformed: the text ends before its END line/,
    ],
  ])("%s", (_, text, reason, message) => {
    const error = refusal(text);
    expect(error.reason).toBe(reason);
    expect(error.message).toMatch(message);
    for (const line of text.split("\n").filter((it) => it.length > 8 && !it.startsWith("-"))) {
      expect(error.message).not.toContain(line);
    }
  });
});

function relabel(pem: string): string {
  return pem.replaceAll("RSA PRIVATE KEY", "PRIVATE KEY");
}

function refusal(text: string): SourceError {
  try {
    parsePrivateKey(text);
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
  throw new Error("it was taken");
}
