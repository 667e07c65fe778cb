/**
 * The selection of anchors that a TLS library receives.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import {
  anchorsInForce,
  checkEach,
  isInCircle,
  selectAnchors,
} from "../../../src/certificates/anchors.ts";
import { anchorPem, certificatePem, utf8, der } from "../support/certificates.ts";

const time = (text: string) => der(0x17, utf8(text));
const early = certificatePem({
  serial: 1,
  notBefore: time("260101000000Z"),
  notAfter: time("260201000000Z"),
});
const late = certificatePem({
  serial: 2,
  notBefore: time("260115000000Z"),
  notAfter: time("260301000000Z"),
});
const anchors = selectAnchors([early, late], () => true);

test.each([
  ["2025-12-31T23:59:59Z", [], -Infinity, "2025-12-31T23:59:59.999Z"],
  ["2026-01-01T00:00:00Z", [early], "2025-12-31T23:59:59.999Z", "2026-01-14T23:59:59.999Z"],
  ["2026-01-20T00:00:00Z", [early, late], "2026-01-14T23:59:59.999Z", "2026-02-01T00:00:00Z"],
  ["2026-02-01T00:00:00Z", [early, late], "2026-01-14T23:59:59.999Z", "2026-02-01T00:00:00Z"],
  ["2026-02-01T00:00:01Z", [late], "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"],
  ["2026-04-01T00:00:00Z", [], "2026-03-01T00:00:00Z", Infinity],
])(
  "anchorsInForce() returns those that are valid at %s, and for how long",
  (now, pem, from, until) => {
    const at = (limit: string | number): number =>
      typeof limit === "number" ? limit : Date.parse(limit);
    expect(anchorsInForce(anchors, Date.parse(now))).toEqual({
      pem,
      from: at(from),
      until: at(until),
    });
  },
);

test("selectAnchors() throws if none is left, and says what to do", () => {
  expect(() => selectAnchors([early], () => false, "do this")).toThrow(
    "none of its certificates may vouch for a server's; do this",
  );
});

test("checkEach() says which certificate can't be parsed", () => {
  const check = (pem: string): void => {
    if (pem === late) throw new Error("bad tag");
  };
  expect(() => checkEach([early, late, anchorPem()], check)).toThrow(
    "certificate 2 of 3 can't be parsed: bad tag",
  );
  expect(() => checkEach([early], check)).not.toThrow();
});

describe("isInCircle()", () => {
  const link = (subject: string, issuer: string) => ({ subject, issuer });

  test("finds anchors that lead back to themselves", () => {
    expect(isInCircle(link("a", "b"), [link("b", "a")])).toBe(true);
    expect(isInCircle(link("a", "b"), [link("b", "c"), link("c", "a")])).toBe(true);
    // Together with one that ends properly, since a runtime may follow either.
    expect(isInCircle(link("a", "b"), [link("b", "b"), link("b", "a")])).toBe(true);
  });

  test("ignores chains and self-signed anchors", () => {
    expect(isInCircle(link("a", "a"), [link("a", "b"), link("b", "a")])).toBe(false);
    expect(isInCircle(link("a", "b"), [link("b", "c"), link("c", "c")])).toBe(false);
    expect(isInCircle(link("a", "b"), [link("c", "a")])).toBe(false);
    // An anchor that leads into another's circle is not part of it.
    expect(isInCircle(link("a", "b"), [link("b", "c"), link("c", "b")])).toBe(false);
  });
});
