/**
 * The files of our entries, by the names that they are imported by from npm and from JSR.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./documents.ts";

type Exports = Readonly<Record<string, string | { readonly types?: string }>>;

/** Reads them from the two manifests. */
export async function readEntries(): Promise<Readonly<Record<string, string>>> {
  const npm = await readExports("package.json");
  const jsr = await readExports("deno.json");
  const found: Record<string, string> = {
    // What "reanchor" is depends on the runtime; the examples are checked as Node's.
    reanchor: "runtimes/node.ts",
    "@reanchor/reanchor": "runtimes/deno.ts",
  };
  for (const [name, target] of Object.entries(npm)) {
    if (name === "." || typeof target === "string" || target.types === undefined) continue;
    const declarations = target.types.replace("./dist/types/", "");
    found[name.replace(".", "reanchor")] = declarations.replace(/\.d\.ts$/, ".ts");
  }
  for (const [name, target] of Object.entries(jsr)) {
    if (name === "." || typeof target !== "string") continue;
    found[name.replace(".", "@reanchor/reanchor")] = target.replace("./", "");
  }
  return found;
}

async function readExports(file: string): Promise<Exports> {
  const { exports } = JSON.parse(await readFile(join(root, file), "utf8")) as { exports: Exports };
  return exports;
}
