/**
 * None of our regular expressions takes quadratic time for any text. Most of them read untrusted text from
 * servers, files and programs.
 *
 * @module
 */

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "rolldown/parseAst";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Found {
  /** Such as `src/errors.ts:12`. */
  readonly place: string;
  readonly pattern: RegExp;
}

async function findAll(): Promise<Found[]> {
  const found: Found[] = [];
  for (const folder of ["src", "runtimes"]) {
    for (const path of await readdir(join(root, folder), { recursive: true })) {
      if (!path.endsWith(".ts") || path.includes("generated")) continue;
      const file = join(folder, path);
      const text = await readFile(join(root, file), "utf8");
      for (const { start, source, flags } of literalsOf(parseAst(text, { lang: "ts" }))) {
        const line = text.slice(0, start).split("\n").length;
        found.push({ place: `${file}:${line}`, pattern: new RegExp(source, flags) });
      }
    }
  }
  return found;
}

interface Literal {
  readonly start: number;
  readonly source: string;
  readonly flags: string;
}

function literalsOf(node: unknown): Literal[] {
  if (typeof node !== "object" || node === null) return [];
  const { regex, start } = node as {
    regex?: { pattern: string; flags: string } | null;
    start?: number;
  };
  if (regex !== undefined && regex !== null)
    return [{ start: start ?? 0, source: regex.pattern, flags: regex.flags }];
  return Object.values(node).flatMap(literalsOf);
}

const CHARACTERS = Array.from('aA0 \n\u001b\u009b-./\\"?[=:');
/** Endings that make a repetition of anything else fail. */
const ENDS = ["\u0001", "\nx"];
const LENGTH = 3_000;

/** Texts that start a match again and again, and never complete one. */
function* attacks({ source }: RegExp): Generator<(length: number) => string> {
  const words = wordsOf(source);
  const units = new Set([
    ...CHARACTERS,
    ...CHARACTERS.flatMap((one) => CHARACTERS.map((other) => one + other)),
    ...words.flatMap((word) => [word, ...CHARACTERS.flatMap((one) => [one + word, word + one])]),
  ]);
  for (const unit of units) {
    for (const begin of ["", ...words]) {
      for (const end of ENDS) {
        yield (length) => begin + unit.repeat(Math.ceil(length / unit.length)) + end;
      }
    }
  }
}

/** The literal characters of a pattern. */
function wordsOf(source: string): string[] {
  const plain = source
    .replaceAll(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) => String.fromCodePoint(parseInt(hex, 16)))
    .replaceAll(/\\([^a-zA-Z0-9])/g, "$1");
  const parts = plain.split(/[|()*+?]|\[[^\]]*\]|\\[a-z]/);
  return Array.from(new Set(parts.filter((part) => part.length > 1)));
}

/** The shortest time that a pattern needs for a text, in milliseconds. */
function measure(pattern: RegExp, text: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3; turn += 1) {
    const startedAt = performance.now();
    if (pattern.global) text.replaceAll(pattern, "");
    else pattern.test(text);
    least = Math.min(least, performance.now() - startedAt);
    if (least < 1) break;
  }
  return least;
}

/** A text that makes a pattern slow; `undefined` if none was found. */
function slowText(pattern: RegExp): string | undefined {
  for (const attack of attacks(pattern)) {
    const once = measure(pattern, attack(LENGTH));
    // A text of eight times the length takes 8 times as long, or 64 times in the quadratic case.
    if (once > 1 && measure(pattern, attack(8 * LENGTH)) > 24 * once) return attack(8);
  }
  return undefined;
}

test("slowText() finds what makes a pattern slow", () => {
  expect(slowText(/0+$/)).toBeDefined();
  expect(slowText(/(?<=\bbearer\s+)\S+/)).toBeDefined();
  expect(slowText(/^0+$/)).toBeUndefined();
});

test("no text makes a regular expression of src/ or runtimes/ slow", async () => {
  const all = await findAll();
  expect(all.length).toBeGreaterThan(50);
  const slow = all.flatMap(({ place, pattern }) => {
    const text = slowText(pattern);
    return text === undefined ? [] : [{ place, pattern: String(pattern), text }];
  });
  expect(slow).toEqual([]);
}, 300_000);
