/**
 * The everyday tasks as programs of `@kubernetes/client-node`, to compare them with the recipes.
 *
 * @module
 */

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../docs/documents.ts";

const FOLDER = join(root, "test/docs/client-node");

/** Reads the programs, by the titles of the recipes that do the same. */
export async function readPeerPrograms(
  titles: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const files = new Set(await readdir(FOLDER));
  const programs = new Map<string, string>();
  for (const title of titles) {
    const file = `${title.toLowerCase().replaceAll(/\W+/g, "-")}.ts`;
    if (!files.delete(file)) continue;
    programs.set(title, await readFile(join(FOLDER, file), "utf8"));
  }
  if (files.size > 0) throw new Error(`There are no recipes beside ${[...files].join(", ")}`);
  return programs;
}
