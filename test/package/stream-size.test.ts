/**
 * What streams into pods cost a program that uses none of them.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { relative } from "node:path";
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

/** The parts of a client that only streams use, and what is left of them. Everything else of streams is loaded late. */
const partsOfStreams: readonly (readonly [file: string, part: RegExp, left?: string])[] = [
  ["src/client/api-caller.ts", /\n  async upgrade\([\s\S]*?\n  \}\n/],
  ["src/client/api-caller.ts", /\n  async generation\([\s\S]*?\n  \}\n/],
  ["src/client/api-caller.ts", /\n  readonly local: .*/],
  ["src/client/api-caller.ts", /\n  readonly #capabilities: .*/],
  ["src/client/api-caller.ts", /\n +this\.local = .*/],
  ["src/client/api-caller.ts", /\n +this\.#capabilities = .*/],
  ["src/client/config-follower.ts", /\n  async generation\([\s\S]*?\n  \}\n/],
  ["src/client/cluster-connection.ts", /\n +generation: async .*/],
  ["src/transport/rotating-transport.ts", /\n  async generation\([\s\S]*?\n  \}\n/],
  ["src/transport/rotating-transport.ts", /request\.sendBy\?\.\(body, request\) \?\? /],
  ["src/transport/rotating-transport.ts", / && request\.sendBy === undefined\)/, ")"],
  ["src/transport/rotating-transport.ts", / && request\.sendBy === undefined/],
  ["src/transport/rotating-transport.ts", /\n  if \(sendBy !== undefined\) return false;/],
  ["src/transport/flight.ts", / && status !== 101/],
  ["runtimes/_shared/node-system.ts", /\n  local: async .*/],
  ["runtimes/deno/runtime.ts", /\n +local: async .*/],
  ...["node", "deno", "bun"].flatMap((runtime) => [
    [`runtimes/${runtime}/runtime.ts`, /\n +upgrades: "streams",/] as const,
    [`runtimes/${runtime}/transport.ts`, /\n    async upgrade\([\s\S]*?\n    \},/] as const,
  ]),
  ["runtimes/edge/runtime.ts", /\n +upgrades: .*/],
  ["runtimes/edge/runtime.ts", /\n  const upgrade: [\s\S]*?\n  \};/],
  ["runtimes/edge/runtime.ts", /\n +\.\.\..*&& \{ upgrade \}\),/],
];

/** Takes out what only streams use. */
const withoutStreams: Plugin = {
  name: "without-streams",
  setup({ onLoad }) {
    const files = new Set(partsOfStreams.map(([file]) => file));
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const name = relative(root, path);
      if (!files.has(name)) return undefined;
      let contents = await readFile(path, "utf8");
      for (const [file, part, left = ""] of partsOfStreams) {
        if (file !== name) continue;
        if (!part.test(contents)) throw new Error(`Cannot find ${String(part)} in ${file}`);
        contents = contents.replace(part, left);
      }
      return { contents, loader: "ts" };
    });
  },
};

/** Bundles a program that lists, or that only connects. */
async function bundle(
  runtime: string,
  kind?: string,
  ...plugins: Plugin[]
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
    plugins: [withoutLate, withoutLogs, ...plugins],
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

  test("pays less than 300 bytes for streams without Pod", async () => {
    const [whole, without] = [
      await bundle(runtime, "ConfigMap"),
      await bundle(runtime, "ConfigMap", withoutStreams),
    ];
    const paid = whole.gzipped - without.gzipped;
    expect(paid).toBeGreaterThan(0);
    expect(paid).toBeLessThan(300);
  });

  test("pays less than 1 kB for the verbs of Pod, if it uses none", async () => {
    const [map, pod] = [await bundle(runtime, "ConfigMap"), await bundle(runtime, "Pod")];
    expect(pod.gzipped - map.gzipped).toBeLessThan(1_000);
  });
});
