/**
 * The documents that users read.
 *
 * @module
 */

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** A Markdown file. */
export interface MarkdownDocument {
  /** Its path in the project. */
  readonly path: string;
  readonly text: string;
}

/** The README and every page below `docs/`. */
export async function readDocumentation(): Promise<MarkdownDocument[]> {
  const pages = await readdir(join(root, "docs"), { recursive: true });
  const paths = pages.filter((path) => path.endsWith(".md")).map((path) => join("docs", path));
  return await readDocuments(["README.md", ...paths.sort()]);
}

/** Documents by their paths in the project. */
export async function readDocuments(paths: readonly string[]): Promise<MarkdownDocument[]> {
  return await Promise.all(
    paths.map(async (path) => ({ path, text: await readFile(join(root, path), "utf8") })),
  );
}
