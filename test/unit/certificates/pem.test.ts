/**
 * Parsing and checking PEM bundles, by RFC 7468's lax rules.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { SourceError } from "../../../src/errors.ts";
import { parseBundle } from "../../../src/certificates/pem.ts";
import { createCa } from "../../support/pki.ts";
import {
  anchorPem,
  certificateDer,
  certificatePem,
  der,
  pemBlock,
} from "../support/certificates.ts";

const one = anchorPem("one", 1);
const two = anchorPem("two", 2);
const three = anchorPem("three", 3);

function subjects(text: string): string[] {
  return parseBundle(text).map(({ subject }) => subject);
}

function refusal(text: string): SourceError {
  try {
    parseBundle(text);
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("parseBundle() accepts", () => {
  test("one certificate, with or without a final newline", () => {
    expect(subjects(one)).toEqual(["CN=one"]);
    expect(subjects(one.trimEnd())).toEqual(["CN=one"]);
  });

  test("several certificates, in their order", () => {
    expect(subjects(three + one + two)).toEqual(["CN=three", "CN=one", "CN=two"]);
  });

  test.each([
    ["CRLF", "\r\n"],
    ["CR", "\r"],
  ])("%s line ends", (_, lineEnd) => {
    expect(parseBundle((one + two).replaceAll("\n", lineEnd))).toEqual(parseBundle(one + two));
  });

  test("mixed line ends", () => {
    expect(parseBundle(one.replace("\n", "\r\n").replace(/\n$/, "\r") + two)).toHaveLength(2);
  });

  test("comments before, between and after blocks", () => {
    const text = `# cluster a\n${one}\nsubject=CN=two\n--- not a block ---\n${two}\n# the end`;
    expect(parseBundle(text)).toEqual(parseBundle(one + two));
  });

  test("white space around and within the base64, and blank lines", () => {
    const lines = one.trimEnd().split("\n");
    const text = lines.map((line, at) =>
      at > 0 && !line.startsWith("-") ? ` ${line.slice(0, 9)}\t ${line.slice(9)}\v\n` : line,
    );
    expect(parseBundle(text.join("\n"))).toEqual(parseBundle(one));
  });

  test("base64 in one line, and in lines of another length", () => {
    const base64 = one.split("\n").slice(1, -2).join("");
    const inOne = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----`;
    const short = `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{7}/g, "$&\n")}\n-----END CERTIFICATE-----`;
    expect(parseBundle(inOne)).toEqual(parseBundle(one));
    expect(parseBundle(short)).toEqual(parseBundle(one));
  });

  test("a byte order mark and indented boundary lines", () => {
    expect(parseBundle(`\uFEFF${one}`)).toEqual(parseBundle(one));
    expect(parseBundle(`  ${one.trimEnd().replaceAll("\n", "  \n  ")}  `)).toEqual(
      parseBundle(one),
    );
  });

  test.each(["X509 CERTIFICATE", "X.509 CERTIFICATE"])("the label %s", (label) => {
    const [certificate] = parseBundle(pemBlock(label, certificateDer({ serial: 7 })));
    expect(certificate?.pem).toBe(certificatePem({ serial: 7 }));
  });

  test("blocks of other types beside certificates, and ignores them", () => {
    const key = pemBlock("PRIVATE KEY", Uint8Array.from([1, 2, 3]));
    const empty = "-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n";
    expect(parseBundle(key + one + empty + two)).toEqual(parseBundle(one + two));
  });

  test("certificates of either key type in the form that the library writes", async () => {
    for (const algorithm of ["EC", "RSA"] as const) {
      const notBefore = new Date("2026-03-04T05:06:07Z");
      const notAfter = new Date("2036-03-04T05:06:07Z");
      const { pem } = await createCa({ algorithm, commonName: algorithm, notBefore, notAfter });
      const [certificate] = parseBundle(pem);
      expect(certificate).toMatchObject({
        subject: `CN=${algorithm}`,
        notBefore: notBefore.getTime(),
        notAfter: notAfter.getTime(),
        pem,
      });
      expect(certificate?.keyIdentifier).toMatch(/^[0-9a-f]{40}$/);
    }
  });

  test("exactly 1 MiB", () => {
    expect(parseBundle(one.padEnd(1024 * 1024, "#"))).toHaveLength(1);
  });
});

describe("parseBundle() writes each certificate again", () => {
  test("in strict form, whatever its form was", () => {
    const untidy = one.replace("\n", " \r\n\r\n");
    expect(parseBundle(untidy)[0]?.pem).toBe(one);
  });

  test("in strict base64 if the last character has unused bits", () => {
    // Searched for: a length whose base64 is padded.
    const padded = [1, 2, 3]
      .map((length) => anchorPem("x".repeat(length)))
      .find((pem) => pem.includes("=\n"));
    if (padded === undefined) throw new Error("no padded certificate");
    const sloppy = padded.replace(
      /(.)(=+\n)/,
      (_, last: string, rest: string) => following(last) + rest,
    );
    expect(sloppy).not.toBe(padded);
    expect(parseBundle(sloppy)[0]?.pem).toBe(padded);
  });
});

describe("parseBundle() rejects, with block and line,", () => {
  test.each(["", " \r\n\t\n", "\uFEFF"])("an empty text: %j", (text) => {
    expect(refusal(text)).toMatchObject({ reason: "empty", message: "it is empty" });
  });

  test("a text without a block", () => {
    const { message, reason } = refusal("apiVersion: v1\nkind: Config\n");
    expect(reason).toBe("invalid");
    expect(message).toBe("it holds no CERTIFICATE block (found no PEM block at all)");
  });

  test("a private key and nothing else", () => {
    const { message } = refusal(pemBlock("EC PRIVATE KEY", Uint8Array.from([1, 2, 3])));
    expect(message).toBe("it holds no CERTIFICATE block (found only EC PRIVATE KEY)");
  });

  test("more than 1 MiB", () => {
    expect(refusal(one.padEnd(1024 * 1024 + 1, "#"))).toMatchObject({ reason: "too-large" });
  });

  const base64 = one.split("\n").slice(1, -2);
  const begin = "-----BEGIN CERTIFICATE-----";
  const end = "-----END CERTIFICATE-----";
  const line = one.split("\n").length; // The first line of the second block.
  const garbage = pemBlock(
    "CERTIFICATE",
    Uint8Array.from({ length: 90 }, (_, index) => index * 7),
  );
  const twoInOne = Uint8Array.from([...certificateDer(), ...certificateDer({ serial: 2 })]);

  test.each<[string, string, RegExp]>([
    ["a block without its END line", begin + "\n" + base64.join("\n"), /ends before its END line/],
    ["a block that is cut within its base64", two.slice(0, two.length / 2), /ends before its END/],
    ["a block that is cut within its END line", two.slice(0, -4), /does not match/],
    [
      "a block that another interrupts",
      `${begin}\n${base64[0]}\n${two}`,
      /another block begins on line/,
    ],
    [
      "an END line of another label",
      two.replace("END CERTIFICATE", "END PRIVATE KEY"),
      /does not match/,
    ],
    ["an END line alone", `${end}\n`, /BEGIN line is missing/],
    [
      "a BEGIN line that is malformed",
      two.replace("CERTIFICATE-----", "CERTIFICATE---"),
      /BEGIN line is malformed/,
    ],
    ["two files joined without a newline", two.trimEnd() + three, /joined without a newline/],
    ["a character outside base64", two.replace(/\nM/, "\n*"), /not base64/],
    ["padding in the middle", two.replace(/\nM/, "\n="), /not base64/],
    ["a character too few", two.replace(/\nM/, "\n"), /not base64/],
    ["base64url", two.replace(/\nM/, "\n-"), /not base64/],
    ["an encapsulated header", two.replace("\n", "\nProc-Type: 4,ENCRYPTED\n"), /not base64/],
    ["no base64 at all", `${begin}\n${end}\n`, /not base64/],
    ["bytes that are no DER", garbage, /not a certificate in DER/],
    [
      "a key that is labelled a certificate",
      pemBlock("CERTIFICATE", der(0x30, der(0x02, [0]))),
      /in DER/,
    ],
    ["a certificate cut short", pemBlock("CERTIFICATE", certificateDer().slice(0, -1)), /in DER/],
    [
      "bytes after the certificate",
      pemBlock("CERTIFICATE", Uint8Array.from([...certificateDer(), 0])),
      /something follows the certificate/,
    ],
    [
      "two certificates in one block",
      pemBlock("CERTIFICATE", twoInOne),
      /something follows the certificate/,
    ],
    [
      "bytes after the signature",
      certificatePem({ afterSignature: Uint8Array.from([5, 0]) }),
      /something follows the signature/,
    ],
  ])("%s", (_, block, expected) => {
    const { message, reason, cause } = refusal(one + block);
    expect(reason).toBe("invalid");
    expect(message).toMatch(expected);
    expect(message).toContain(`block 2 (line ${line})`);
    for (const said of [message, String(cause)]) {
      for (const quoted of block
        .split("\n")
        .filter((it) => !it.startsWith("-----") && it.length > 3)) {
        expect(said).not.toContain(quoted);
      }
    }
  });

  test("any single bad block, even if the others are good", () => {
    expect(refusal(garbage + one).message).toContain("block 1 (line 1)");
    expect(refusal(`# a comment\n\n${one}${garbage}${two}`).message).toContain(
      `block 2 (line ${line + 2})`,
    );
  });
});

/** The base64 character with the next higher value. */
function following(character: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return alphabet.charAt(alphabet.indexOf(character) + 1);
}
