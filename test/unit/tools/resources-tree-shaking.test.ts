/**
 * Who imports one kind bundles one kind.
 *
 * @module
 */

import { build } from "esbuild";
import { expect, test } from "vitest";
import { root } from "../../../tools/run.ts";

async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    logLevel: "silent",
  });
  return outputFiles.map(({ text }) => text).join("");
}

function pluralsIn(code: string): string[] {
  return [...code.matchAll(/plural: "(\w+)"/g)].map(([, plural = ""]) => plural);
}

test("a bundle has the descriptors that it uses, and no others", async () => {
  const code = await bundle('import { Pod } from "./src/resources/index.ts"; console.log(Pod);');
  expect(pluralsIn(code)).toEqual(["pods"]);
});

test("a bundle that uses types alone has no code", async () => {
  const code = await bundle(
    'import type { Pod } from "./src/resources/index.ts"; export type { Pod };',
  );
  expect(code.replaceAll(/\/\/.*/g, "").trim()).toBe("");
});

test("a bundle has the verbs of pods only if it uses pods", async () => {
  const others =
    'import { ConfigMap, Deployment } from "./src/resources/index.ts"; console.log(ConfigMap, Deployment);';
  const pods = 'import { Pod } from "./src/resources/index.ts"; console.log(Pod);';
  expect(await bundle(others)).not.toMatch(/logLines|src\/pods\//);
  expect(await bundle(pods)).toMatch(/src\/pods\//);
});
