/**
 * What streams into pods cost a program that uses none of them.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { type Plugin, build } from "esbuild";
import { describe, expect, test } from "vitest";
import { root } from "./project.ts";

/** What is loaded when it is first used is no part of what a program begins with. */
const withoutLate: Plugin = {
  name: "without-late",
  setup({ onResolve }) {
    onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === "dynamic-import" ? { path, external: true } : undefined,
    );
  },
};

/** Logs are no streams of this kind: they come by a plain request. */
const withoutLogs: Plugin = {
  name: "without-logs",
  setup({ onResolve }) {
    onResolve({ filter: /\/pods\/logs\.ts$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** Bundles a program that lists, or that only connects. */
async function bundle(
  runtime: string,
  kind?: string,
): Promise<{ readonly gzipped: number; readonly files: string[] }> {
  const use =
    kind === undefined
      ? "console.log(await connect());"
      : `import { ${kind} } from "./src/resources/index.ts";
         console.log(await (await connect()).resource(${kind}).list());`;
  const { metafile, outputFiles } = await build({
    stdin: {
      contents: `import { connect } from "./runtimes/${runtime}.ts"; ${use}`,
      resolveDir: root,
      loader: "ts",
    },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    logLevel: "error",
    format: "esm",
    target: "es2022",
    platform: "neutral",
    external: ["node:*", "undici", "yaml", "zod", "@std/*"],
    plugins: [withoutLate, withoutLogs],
  });
  const [output] = Object.values(metafile.outputs);
  const files = Object.entries(output?.inputs ?? {}).flatMap(([file, { bytesInOutput }]) =>
    bytesInOutput > 0 ? [file] : [],
  );
  return { gzipped: gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length, files };
}

const ofStreams = /src\/(?:pods|http1)\/|transport\/(?:channel|upgrade)|upgrade\.ts$|dial-upgrade/;

describe.each(["node", "deno", "bun", "edge"])("a program on %s", (runtime) => {
  test("begins without any file of streams, with Pod or not", async () => {
    for (const kind of [undefined, "ConfigMap", "Pod"]) {
      const { files } = await bundle(runtime, kind);
      expect(files.length).toBeGreaterThan(20);
      expect(files.filter((file) => ofStreams.test(file))).toEqual([]);
    }
  });

  test("pays less than 1 kB for the verbs of Pod, if it uses none", async () => {
    const [map, pod] = [await bundle(runtime, "ConfigMap"), await bundle(runtime, "Pod")];
    expect(pod.gzipped - map.gzipped).toBeLessThan(1_000);
  });
});
