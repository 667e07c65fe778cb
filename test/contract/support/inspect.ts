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
    all[name] = value instanceof Error ? allOf(value) : inspect(value);
  }
  return all;
}

/** Enough for whatever an error holds; one that holds a whole pool of connections has more. */
const MAX_OBJECTS = 200_000;

/**
 * All text that can be reached from a value by its properties, symbols and hidden ones too, in maps, sets and
 * bytes: what a debugger or a crash report would find.
 */
export function reachable(value: unknown): string {
  const texts: string[] = [];
  const seen = new Set<unknown>();
  const pending: unknown[] = [value];
  while (pending.length > 0 && seen.size < MAX_OBJECTS) {
    const next = pending.pop();
    if (typeof next === "string") texts.push(next);
    if ((typeof next !== "object" && typeof next !== "function") || next === null) continue;
    if (seen.has(next)) continue;
    seen.add(next);
    if (ArrayBuffer.isView(next)) {
      const { buffer, byteOffset, byteLength } = next;
      texts.push(new TextDecoder("latin1").decode(new Uint8Array(buffer, byteOffset, byteLength)));
      continue;
    }
    if (next instanceof Map) pending.push(...next.keys(), ...next.values());
    if (next instanceof Set) pending.push(...next);
    if (next instanceof URL || next instanceof Headers) texts.push(shown(next));
    for (const { value: member } of allDescriptors(next)) pending.push(member);
  }
  return texts.join("\n");
}

function allDescriptors(value: object): PropertyDescriptor[] {
  return Reflect.ownKeys(value).flatMap((key) => Object.getOwnPropertyDescriptor(value, key) ?? []);
}
