/**
 * Generates `src/resources/generated/` from OpenAPI v3 documents: `node tools/generate-resources.ts FOLDER`,
 * where the folder holds them as Kubernetes keeps them in `api/openapi-spec/v3`. An API server returns them
 * at `/openapi/v3/api/v1` and similar paths.
 *
 * @module
 */

import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { declare } from "./resources/declarations.ts";
import { type OpenApiDocument, readApi } from "./resources/openapi.ts";
import { bin, root, run } from "./run.ts";

const output = join(root, "src/resources/generated");

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  fail("Usage: node tools/generate-resources.ts FOLDER (api/openapi-spec/v3 of Kubernetes)");
}

const documents = await readDocuments(folder);
if (documents.length === 0) {
  fail(`Cannot generate resources: ${folder} holds no *_openapi.json (api/openapi-spec/v3 does)`);
}

await rm(output, { recursive: true, force: true });
await mkdir(output, { recursive: true });
for (const [name, text] of declare(readApi(documents))) await writeFile(join(output, name), text);

const formatted = await run(bin("oxfmt"), [output]);
if (formatted.exitCode !== 0) fail(formatted.output);

async function readDocuments(path: string): Promise<OpenApiDocument[]> {
  const files = await readdir(path).catch(() => []);
  const names = files.filter((name) => name.endsWith("_openapi.json")).sort();
  return await Promise.all(
    names.map(
      async (name) => JSON.parse(await readFile(join(path, name), "utf8")) as OpenApiDocument,
    ),
  );
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
