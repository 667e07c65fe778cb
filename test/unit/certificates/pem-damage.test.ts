/**
 * Truncated or altered bundles. They are rejected, or yield exactly the undamaged certificates.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { SourceError } from "../../../src/errors.ts";
import { parseBundle } from "../../../src/certificates/pem.ts";
import { anchorPem } from "../support/certificates.ts";

const one = anchorPem("one", 1);
const two = anchorPem("two", 2);
const three = anchorPem("three", 3);

describe("parseBundle() of a damaged bundle of three", () => {
  const bundle = `# one\n${one}# two\n${two}\n${three}`;
  const whole = parseBundle(bundle);

  test("returns everything before the cut, or rejects if the cut is inside a block", () => {
    for (let cut = 0; cut < bundle.length; cut++) {
      const left = bundle.slice(0, cut);
      const begun = left.split(/-----BEGIN (?!$)/).length - 1;
      const ended = left.split("-----END CERTIFICATE-----").length - 1;
      if (begun === ended && ended > 0) expect(parseBundle(left)).toEqual(whole.slice(0, ended));
      else expect(() => parseBundle(left), `cut at ${cut}`).toThrow(SourceError);
    }
  });

  test("returns everything after the cut, or rejects if the cut is inside a block", () => {
    for (let cut = 1; cut < bundle.length; cut++) {
      const left = bundle.slice(cut);
      const begun = left.split(/-----BEGIN (?!$)/).length - 1;
      const ended = left.split("-----END CERTIFICATE-----").length - 1;
      if (begun === ended && ended > 0) expect(parseBundle(left)).toEqual(whole.slice(3 - ended));
      else expect(() => parseBundle(left), `cut at ${cut}`).toThrow(SourceError);
    }
  });

  test("returns three certificates with two of them unchanged, or rejects, when a character changes", () => {
    const random = seeded(20_261_124);
    const certificateAt = (position: number): number =>
      bundle.slice(0, position).split("-----END ").length - 1;
    for (let round = 0; round < 3_000; round++) {
      const position = Math.floor(random() * bundle.length);
      if (!/^[A-Za-z0-9+/]$/.test(bundle.charAt(position)) || !isBody(bundle, position)) continue;
      const changed =
        bundle.slice(0, position) +
        another(bundle.charAt(position), random) +
        bundle.slice(position + 1);
      const parsed = parsedOrUndefined(changed);
      if (parsed === undefined) continue;
      const touched = certificateAt(position);
      expect(parsed).toHaveLength(3);
      for (const [index, certificate] of parsed.entries()) {
        if (index !== touched) expect(certificate).toEqual(whole[index]);
      }
    }
  });

  test("rejects or changes nothing when a boundary line changes", () => {
    const random = seeded(7);
    for (let position = 0; position < bundle.length; position++) {
      if (isBody(bundle, position) || bundle.charAt(position) === "\n") continue;
      const changed =
        bundle.slice(0, position) +
        another(bundle.charAt(position), random) +
        bundle.slice(position + 1);
      const parsed = parsedOrUndefined(changed);
      if (parsed !== undefined) expect(parsed, `at ${position}`).toEqual(whole);
    }
  });
});

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function another(character: string, random: () => number): string {
  const others = alphabet.replace(character, "");
  return others.charAt(Math.floor(random() * others.length));
}

/** Whether a position is inside a block's base64. */
function isBody(text: string, position: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", position - 1) + 1).split("\n", 1)[0] ?? "";
  return !line.startsWith("-----") && !line.startsWith("#");
}

function parsedOrUndefined(text: string): ReturnType<typeof parseBundle> | undefined {
  try {
    return parseBundle(text);
  } catch (error) {
    expect(error).toBeInstanceOf(SourceError);
    return undefined;
  }
}

/** Random numbers from 0 to 1, from a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
