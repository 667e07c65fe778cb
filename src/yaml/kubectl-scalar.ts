/**
 * What a scalar without quotes means in a manifest: what it means to kubectl.
 *
 * @module
 */

import type { Scalar } from "yaml";

/** Words that kubectl's parser takes for a boolean: those of YAML 1.1. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ...["y", "yes", "true", "on"].flatMap(spellings).map((word) => [word, true] as const),
  ...["n", "no", "false", "off"].flatMap(spellings).map((word) => [word, false] as const),
]);

const nulls: ReadonlySet<string> = new Set(["", "~", ...spellings("null")]);

/**
 * The value of a scalar, by the rules of kubectl's parser (go-yaml v2 `resolve.go`). They are mostly those of YAML
 * 1.1: `0644` is octal, and `yes` a boolean. Read otherwise, a manifest would set another file mode than with kubectl.
 *
 * @returns A `bigint` for an integer that no number holds.
 */
export function kubectlScalar({ type, tag, source = "", value }: Scalar): unknown {
  if (type !== "PLAIN" || tag !== undefined) return value;
  if (nulls.has(source)) return null;
  const boolean = booleans.get(source);
  if (boolean !== undefined) return boolean;
  if (/^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/.test(source)) return Number.NaN;
  if (!/^[-+.\d]/.test(source)) return source;
  // Behind a leading dot, underscores stand between digits; elsewhere they may be anywhere.
  if (source.startsWith(".") && /__|_(?!\d)|(?:^|\D)_/.test(source)) return source;
  const plain = source.replaceAll("_", "");
  return integer(plain) ?? float(plain) ?? source;
}

/** As a word is written in YAML 1.1: lower case, capitalized, or upper case. */
function spellings(word: string): string[] {
  return [word, word.slice(0, 1).toUpperCase() + word.slice(1), word.toUpperCase()];
}

const integers: readonly (readonly [pattern: RegExp, prefix: string])[] = [
  [/^([-+]?)(0|[1-9]\d*)$/, ""],
  [/^([-+]?)0o?([0-7]+)$/i, "0o"],
  [/^([-+]?)0x([\da-f]+)$/i, "0x"],
  [/^([-+]?)0b([01]+)$/i, "0b"],
];

/** Reads an integer (Go `strconv.ParseInt` with base 0). */
function integer(text: string): number | bigint | undefined {
  for (const [pattern, prefix] of integers) {
    const [, sign, digits] = pattern.exec(text) ?? [];
    if (digits === undefined) continue;
    const exact = BigInt(`${prefix}${digits}`) * (sign === "-" ? -1n : 1n);
    if (exact >= -(2n ** 63n) && exact < 2n ** 63n) {
      return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
    }
    // Go's `uint64`, which becomes a floating-point number in JSON.
    return sign === "" && exact < 2n ** 64n ? Number(exact) : undefined;
  }
  return undefined;
}

/** Reads a floating-point number; one that overflows is a text. */
function float(text: string): number | undefined {
  if (!/^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:e[-+]?\d+)?$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
