/**
 * What a program can get to see of a value when it logs it.
 *
 * @module
 */

import { inspect } from "node:util";

interface Inspectors {
  readonly Deno?: { inspect(value: unknown, options: object): string };
  readonly Bun?: { inspect(value: unknown, options: object): string };
}

/** The value as this runtime's own `inspect`, that of `node:util`, JSON and `String` show it. */
export function shown(value: unknown): string {
  const { Deno, Bun }: Inspectors & typeof globalThis = globalThis;
  return [
    inspect(value, { depth: 20, showHidden: true, getters: true, maxStringLength: Infinity }),
    Deno?.inspect(value, { depth: 20, showHidden: true, getters: true, strAbbreviateSize: 1e6 }),
    Bun?.inspect(value, { depth: 20 }),
    JSON.stringify(value),
    value instanceof Error ? JSON.stringify(allOf(value)) : "",
    String(value),
  ].join("\n");
}

/** An error's own properties, those too that JSON leaves out, and its causes'. */
function allOf(error: Error): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const name of Object.getOwnPropertyNames(error)) {
    const value: unknown = Reflect.get(error, name);
    all[name] = value instanceof Error ? allOf(value) : String(value);
  }
  return all;
}
