/**
 * Foreign text in messages.
 *
 * @module
 */

import { expect, test } from "vitest";
import { cleanMessage, cleanName } from "../../src/clean-text.ts";

test("what is cut never ends in half a character", () => {
  for (let length = 0; length < 8; length++) {
    const text = `${"x".repeat(length)}${"\u{1F600}".repeat(200)}`;
    expect(cleanName(text).isWellFormed()).toBe(true);
    expect(cleanMessage(text, 99).isWellFormed()).toBe(true);
    expect(cleanMessage(text, 100)).toMatch(/\.\.\. \(\d+ more\)$/);
  }
});
