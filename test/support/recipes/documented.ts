/**
 * The recipes of `docs/recipes.md`.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { codeBlocks } from "../../docs/code-blocks.ts";
import { root } from "../../docs/documents.ts";

/** A recipe as users read it. */
export interface DocumentedRecipe {
  readonly title: string;
  /** The command that does the same, usually kubectl's. */
  readonly command: string;
  /** The program; `undefined` if the recipe is just a command. */
  readonly code: string | undefined;
}

/** Reads all recipes in order. */
export async function readRecipes(): Promise<DocumentedRecipe[]> {
  const [, ...sections] = (await readFile(join(root, "docs/recipes.md"), "utf8")).split(/^## /m);
  return sections.map((section) => {
    const [title = ""] = section.split("\n", 1);
    const blocks = codeBlocks(section);
    const textOf = (language: string): string | undefined =>
      blocks.find((block) => block.language === language)?.code;
    return { title, command: textOf("sh") ?? "", code: textOf("ts") };
  });
}
