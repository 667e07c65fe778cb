/**
 * No everyday task needs more lines with reanchor than with client-node. `test/e2e/recipes.test.ts` runs the programs.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { readRecipes } from "../support/recipes/documented.ts";
import { readPeerPrograms } from "../support/recipes/peer-programs.ts";
import { root } from "./documents.ts";
import { createProjectFolder } from "../support/temporary-folder.ts";

/** How many everyday tasks there are. */
const TASKS = 27;

const recipes = await readRecipes();
const peers = await readPeerPrograms(recipes.map(({ title }) => title));

/** The one rule: lines that are neither empty nor a comment alone. Both sides are formatted by oxfmt. */
function countLines(code: string): number {
  const isCounted = (line: string): boolean => line !== "" && !/^(?:\/\/|\/?\*)/.test(line);
  return code.split("\n").filter((line) => isCounted(line.trim())).length;
}

const compared = recipes.flatMap(({ title, code = "" }) => {
  const peer = peers.get(title);
  return peer === undefined ? [] : [{ title, own: countLines(code), theirs: countLines(peer) }];
});

test("every recipe is formatted, so that lines can be compared", async () => {
  const folder = await createProjectFolder();
  const programs = recipes.filter(({ code }) => code !== undefined);
  const paths = programs.map((_, at) => join(folder, `${at}.ts`));
  await Promise.all(programs.map(({ code = "" }, at) => writeFile(paths[at] ?? "", code)));
  const oxfmt = join(root, "node_modules/oxfmt/bin/oxfmt");
  const config = join(root, ".oxfmtrc.json");
  await promisify(execFile)(process.execPath, [oxfmt, "--config", config, ...paths]);
  for (const [at, { code, title }] of programs.entries()) {
    expect(await readFile(paths[at] ?? "", "utf8"), title).toBe(code);
  }
});

test("no task needs more lines than with client-node", () => {
  expect(compared).toHaveLength(TASKS);
  expect(compared.filter(({ own, theirs }) => own > theirs)).toEqual([]);
});

test("docs/comparison.md has the lines of each task", async () => {
  const page = await readFile(join(root, "docs/comparison.md"), "utf8");
  const rows = compared.map(({ title, own, theirs }) => `| ${title} | ${own} | ${theirs} |`);
  const sum = (of: "own" | "theirs") => compared.reduce((total, one) => total + one[of], 0);
  rows.push(`| **together** | **${sum("own")}** | **${sum("theirs")}** |`);
  expect(page).toContain(rows.join("\n"));
});
