/**
 * A program that imports one kind bundles one kind.
 *
 * @module
 */

import { relative } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { root } from "../../../tools/run.ts";

/**
 * The code that a page loads before the program starts: the entry, and the chunks that it imports statically.
 */
async function bundle(contents: string): Promise<string> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    bundle: true,
    splitting: true,
    outdir: root,
    absWorkingDir: root,
    write: false,
    metafile: true,
    format: "esm",
    logLevel: "silent",
  });
  const loaded = new Set(
    Object.keys(metafile.outputs).filter(
      (path) => metafile.outputs[path]?.entryPoint === "<stdin>",
    ),
  );
  for (const path of loaded) {
    for (const { path: other, kind } of metafile.outputs[path]?.imports ?? []) {
      if (kind === "import-statement") loaded.add(other);
    }
  }
  const files = outputFiles.filter(({ path }) => loaded.has(relative(root, path)));
  return files.map(({ text }) => text).join("");
}

function pluralsIn(code: string): string[] {
  return [...code.matchAll(/plural: "(\w+)"/g)].map(([, plural = ""]) => plural);
}

test("a bundle contains only the descriptors that it uses", async () => {
  const code = await bundle('import { Pod } from "./src/resources/index.ts"; console.log(Pod);');
  expect(pluralsIn(code)).toEqual(["pods"]);
});

test("a bundle that uses only types contains no code", async () => {
  const code = await bundle(
    'import type { Pod } from "./src/resources/index.ts"; export type { Pod };',
  );
  expect(code.replaceAll(/\/\/.*/g, "").trim()).toBe("");
});

test("a bundle loads the verbs of pods only if it uses pods, and streams only when one is opened", async () => {
  const others =
    'import { ConfigMap, Deployment } from "./src/resources/index.ts"; console.log(ConfigMap, Deployment);';
  const pods = 'import { Pod } from "./src/resources/index.ts"; console.log(Pod);';
  expect(await bundle(others)).not.toMatch(/logLines|src\/pods\//);
  expect(await bundle(pods)).toMatch(/src\/pods\/logs/);
  expect(await bundle(pods)).not.toMatch(/src\/pods\/exec/);
});
