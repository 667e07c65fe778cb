/**
 * Untrusted text in messages.
 *
 * @module
 */

import { expect, test } from "vitest";
import { cleanMessage, cleanName, escapeInvisible } from "../../src/clean-text.ts";

test("cleanMessage() keeps both ends of a long text, and says how much it omitted", () => {
  const text = `Cannot use it: ${"\u001b[31m-\u202e".repeat(5_000)}: the size is wrong`;
  const message = cleanMessage(text, 100);
  expect(message).toMatch(
    /^Cannot use it: [- ]+ \.\.\. \(\d+ characters left out\) \.\.\. [- ]+: the size is wrong$/,
  );
  expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(message.length).toBeLessThan(150);
  const short = "x".repeat(100);
  expect(cleanMessage(short, 100)).toBe(short);
  const left = Number(/\((\d+) /.exec(cleanMessage(`${short}y`, 100))?.[1]);
  expect(cleanMessage(`${short}y`, 100).replaceAll(/[^xy]|characters left out/g, "")).toHaveLength(
    101 - left,
  );
});

test("escapeInvisible() escapes only what affects a terminal", () => {
  expect(escapeInvisible("a\u001b[31m\u202e\u200d\n\u{e0001}\ud800 ä 😀")).toBe(
    String.raw`a\u001b[31m\u202e\u200d\u000a\u{e0001}\ud800 ä 😀`,
  );
});

test("a shortened text never ends in half a character", () => {
  for (let length = 0; length < 8; length++) {
    const text = `${"x".repeat(length)}${"\u{1F600}".repeat(200)}`;
    expect(cleanName(text).isWellFormed()).toBe(true);
    expect(cleanMessage(text, 99).isWellFormed()).toBe(true);
    expect(cleanMessage(text, 100).isWellFormed()).toBe(true);
    expect(cleanMessage(text, 100)).toMatch(/ \.\.\. \(\d+ characters left out\) \.\.\. /);
  }
});
