/**
 * Reading the fields of a certificate.
 *
 * @module
 */

import { expect, test } from "vitest";
import { readCertificate } from "../../../src/certificates/certificate.ts";
import { type NameAttribute, certificateDer, der, utf16, utf8 } from "../support/certificates.ts";

const organization = [0x55, 0x04, 0x0a];
const country = [0x55, 0x04, 0x06];
const domainComponent = [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19];
const emailAddress = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];
const ofJointArc = [0x88, 0x37, 0x03]; // 2.999.3: a first arc of 2 may be followed by more than 39.

function subject(...relativeNames: readonly (readonly NameAttribute[])[]): string {
  return readCertificate(certificateDer({ subject: relativeNames })).subject;
}

test("readCertificate() names the subject with its last relative name first (RFC 4514)", () => {
  const names = [
    [{ type: country, tag: 0x13, value: "CH" }],
    [{ type: organization, value: "Example" }],
    [{ value: "kubernetes" }],
  ];
  expect(subject(...names)).toBe("CN=kubernetes,O=Example,C=CH");
});

test("readCertificate() joins the attributes of a relative name that has several", () => {
  const names = [[{ value: "a" }, { type: organization, value: "b" }], [{ value: "c" }]];
  expect(subject(...names)).toBe("CN=c,CN=a+O=b");
});

test("readCertificate() names attribute types that have no short name by their identifier", () => {
  expect(subject([{ type: emailAddress, tag: 0x16, value: "a@b" }])).toBe(
    "1.2.840.113549.1.9.1=a@b",
  );
  expect(subject([{ type: ofJointArc, value: "x" }])).toBe("2.999.3=x");
  expect(subject([{ type: domainComponent, tag: 0x16, value: "local" }])).toBe("DC=local");
});

test("readCertificate() reads an empty subject", () => {
  expect(subject()).toBe("");
});

test.each<[string, NameAttribute]>([
  ["UTF8String", { value: "Zürich ☃" }],
  ["BMPString", { tag: 0x1e, value: utf16("Zürich ☃") }],
])("readCertificate() reads a %s", (_, attribute) => {
  expect(subject([attribute])).toBe("CN=Zürich ☃");
});

test("readCertificate() replaces bytes that are not UTF-8", () => {
  expect(subject([{ value: Uint8Array.from([0x61, 0xff, 0x62]) }])).toBe("CN=a\uFFFDb");
});

test.each([
  ["a,b+c;d=e", "a\\,b\\+c\\;d\\=e"],
  ['say "hi" <x> \\', 'say \\"hi\\" \\<x\\> \\\\'],
  [" both ", "\\ both\\ "],
  ["#1", "\\#1"],
  ["C#", "C#"],
])("readCertificate() escapes %j", (value, escaped) => {
  expect(subject([{ value }])).toBe(`CN=${escaped}`);
});

test("readCertificate() escapes control characters, so that a log line stays one line", () => {
  expect(subject([{ value: "a\nb\u001b[31mc\0\u007f\u0085" }])).toBe(
    "CN=a\\0ab\\1b[31mc\\00\\7f\\85",
  );
});

test.each([
  ["UTCTime of this century", der(0x17, utf8("491231235959Z")), "2049-12-31T23:59:59Z"],
  ["UTCTime of the last century", der(0x17, utf8("500101000000Z")), "1950-01-01T00:00:00Z"],
  ["GeneralizedTime beyond 2050", der(0x18, utf8("20610203040506Z")), "2061-02-03T04:05:06Z"],
  ["GeneralizedTime without an end", der(0x18, utf8("99991231235959Z")), "9999-12-31T23:59:59Z"],
])("readCertificate() reads a %s", (_, time, expected) => {
  const read = readCertificate(certificateDer({ notBefore: time, notAfter: time }));
  expect(read.notBefore).toBe(Date.parse(expected));
  expect(read.notAfter).toBe(Date.parse(expected));
});

test.each([
  ["without seconds", der(0x17, utf8("2601010000Z"))],
  ["with an offset", der(0x17, utf8("260101000000+0100"))],
  ["with a fraction", der(0x18, utf8("20260101000000.5Z"))],
  ["of the other type's length", der(0x18, utf8("260101000000Z"))],
  ["of another type", der(0x0c, utf8("260101000000Z"))],
])("readCertificate() rejects a date %s", (_, notAfter) => {
  expect(() => readCertificate(certificateDer({ notAfter }))).toThrow();
});

test("readCertificate() reads the subject key identifier, past other extensions", () => {
  expect(readCertificate(certificateDer({ keyIdentifier: [0, 0xab] })).keyIdentifier).toBe("00ab");
  expect(readCertificate(certificateDer()).keyIdentifier).toBeUndefined();
});

test.each([
  ["an indefinite length", [0x30, 0x80, 0, 0]],
  ["a length that is longer than need be", [0x30, 0x81, 0x02, 0x05, 0x00]],
  [
    "a length with a leading zero",
    [0x30, 0x82, 0x00, 0x80, ...Array.from({ length: 128 }, () => 0)],
  ],
  ["a length beyond any file", [0x30, 0x85, 1, 1, 1, 1, 1]],
  ["a length that runs past the end", [0x30, 0x10, 0x30]],
  ["nothing", []],
])("readCertificate() rejects %s", (_, bytes) => {
  expect(() => readCertificate(Uint8Array.from(bytes))).toThrow();
});

test("readCertificate() rejects a certificate that is truncated anywhere", () => {
  const whole = certificateDer({ keyIdentifier: [1, 2] });
  for (let length = 0; length < whole.length; length++) {
    expect(() => readCertificate(whole.slice(0, length)), `cut at ${length}`).toThrow();
  }
});
