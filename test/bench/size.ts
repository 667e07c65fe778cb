/**
 * The size of what a program's bundle gets.
 *
 * @module
 */

import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Plugin, build } from "esbuild";
import { type BenchContext, type Figure, atMost } from "./figures.ts";
import { bundling, measureLoadedSize } from "./loaded-size.ts";

const GOAL_KB = 12;
const entries = ["node", "deno", "bun", "edge"] as const;

/** What is loaded only where it is needed is no part of it. */
const withoutLateChunks: Plugin = {
  name: "without-late-chunks",
  setup({ onResolve }) {
    onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === "dynamic-import" ? { path, external: true } : undefined,
    );
  },
};

/** Bundles and compresses each entry, and what of it a program in a pod loads. */
export async function measureSize(context: BenchContext): Promise<Figure[]> {
  const { dist, say } = context;
  const figures: Figure[] = [];
  for (const entry of entries) {
    say(`size of reanchor/${entry}`);
    const { outputFiles } = await build({
      entryPoints: [join(dist, `${entry}.js`)],
      ...bundling,
      plugins: [withoutLateChunks],
    });
    const bundle = outputFiles[0]?.contents ?? new Uint8Array();
    const compressed = gzipSync(bundle, { level: 9 }).byteLength;
    figures.push({
      name: `reanchor/${entry}, bundled, minified and gzipped`,
      value: compressed / 1_000,
      unit: "kB",
      goal: atMost(GOAL_KB),
      detail: `${(bundle.byteLength / 1_000).toFixed(1)} kB minified; without undici, zod and late chunks`,
    });
  }
  figures.push(...(await measureLoadedSize(context)));
  return figures;
}
