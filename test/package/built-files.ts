/**
 * What the built files import.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Finds what a built module imports statically from outside the package, through its chunks too. */
export async function externalImports(entry: string): Promise<string[]> {
  const found = new Set<string>();
  const seen = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const specifier of staticImports(await readFile(file, "utf8"))) {
      if (specifier.startsWith(".")) waiting.push(resolve(dirname(file), specifier));
      else found.add(specifier);
    }
  }
  return [...found].toSorted();
}

/** The files of the package that a built module leads to, itself included, whether at once or late. */
export async function reachableFiles(entry: string): Promise<string[]> {
  const seen = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const code = await readFile(file, "utf8");
    const late = Array.from(code.matchAll(/\bimport\((["'])(\.[^"']+)\1\)/g), (match) => match[2]);
    for (const specifier of [...staticImports(code), ...late]) {
      if (specifier?.startsWith(".") === true) waiting.push(resolve(dirname(file), specifier));
    }
  }
  return [...seen];
}

/** The specifiers of a module's static imports and re-exports. */
export function staticImports(code: string): string[] {
  const statement = /^\s*(?:import|export)\b(?:[^"'();]*\bfrom\s*|\s*)(["'])([^"']+)\1/gm;
  return Array.from(code.matchAll(statement), ([, , specifier = ""]) => specifier);
}
