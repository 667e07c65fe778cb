/**
 * The project's own files.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { NpmTarget } from "./exports.ts";

/** The repository's folder. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** What is looked at in package.json. */
export interface NpmConfig {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly types: string;
  readonly typesVersions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly exports: Readonly<Record<string, NpmTarget>>;
}

/** What is looked at in deno.json. */
export interface JsrConfig {
  readonly version: string;
  readonly license: string;
  readonly imports: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
}

/** Reads a JSON file, whose shape is the caller's to know. */
export async function readJson<Shape>(path: string): Promise<Shape> {
  return JSON.parse(await readFile(new URL(path, `file://${root}`), "utf8"));
}
