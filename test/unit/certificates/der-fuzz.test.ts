/**
 * Randomly altered certificates. Each is read, or rejected with one of our errors, quickly.
 *
 * @module
 */

import { expect, test } from "vitest";
import { decodeBlock, encodePem, parseBundle, pemBlocks } from "../../../src/certificates/pem.ts";
import { SourceError } from "../../../src/errors.ts";
import { type Random, seeded } from "../../support/random.ts";
import { createCa } from "../../support/pki.ts";

const { pem } = await createCa();
const [block] = pemBlocks(pem);
if (block === undefined) throw new Error("The authority has no certificate");
const whole = decodeBlock(block);

function altered(random: Random): Uint8Array {
  const bytes = [...whole];
  for (let change = random.below(6); change >= 0; change--) {
    const at = random.below(bytes.length);
    const kind = random.pick(["set", "flip", "remove", "insert", "length"]);
    if (kind === "set") bytes[at] = random.below(256);
    if (kind === "flip") bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    if (kind === "remove") bytes.splice(at, 1 + random.below(8));
    if (kind === "insert") bytes.splice(at, 0, ...random.bytes(1 + random.below(8)));
    // Long forms of a length are where readers go wrong.
    if (kind === "length")
      bytes.splice(at, 1, 0x80 | random.below(128), ...random.bytes(random.below(9)));
  }
  return Uint8Array.from(bytes);
}

test("parseBundle() reads an altered certificate or throws a SourceError (seed 5280)", () => {
  const random = seeded(5280);
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const der = round % 10 === 0 ? random.bytes(random.below(400)) : altered(random);
    try {
      const [certificate] = parseBundle(encodePem("CERTIFICATE", der));
      read += 1;
      expect(certificate.subject).toBeTypeOf("string");
      expect(Number.isSafeInteger(certificate.notBefore)).toBe(true);
      expect(Number.isSafeInteger(certificate.notAfter)).toBe(true);
      expect(certificate.publicKey.spki.length).toBeLessThanOrEqual(der.length);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      expect(error.message).not.toContain("BEGIN");
    }
  }
  // If not, the changes only ever affected the outermost length.
  expect(read).toBeGreaterThan(500);
});
