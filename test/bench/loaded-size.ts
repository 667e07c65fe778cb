/**
 * The size of what a program in a pod really loads: it is bundled with code splitting, runs, and says which of its
 * files were loaded.
 *
 * @module
 */

import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { type BuildOptions, build } from "esbuild";
import { type BenchContext, type Figure, atMost } from "./figures.ts";
import { runProgram, runtimeTitles } from "./program.ts";
import { type Stage, openStage } from "./stage.ts";

/** How users' programs are bundled. */
export const bundling: BuildOptions & { readonly write: false } = {
  bundle: true,
  minify: true,
  write: false,
  logLevel: "error",
  format: "esm",
  target: "es2022",
  platform: "neutral",
  external: ["node:*", "undici", "yaml", "zod"],
};

const GOAL_KB = 18;

/**
 * By then it has also loaded what it will need once the server is rejected. That begins with the first answer, and
 * counts too.
 */
const READY_MS = 1_000;

type Http = "runtime" | "sockets";

/** Measures a program that connects in-cluster and gets one answer, on each runtime by each way of HTTP. */
export async function measureLoadedSize({ dist, say }: BenchContext): Promise<Figure[]> {
  await using stage = await openStage(dist);
  const figures: Figure[] = [];
  for (const runtime of ["node", "deno", "bun"] as const) {
    for (const http of ["runtime", "sockets"] as const) {
      const title = `${runtimeTitles[runtime]}${http === "sockets" ? ", over sockets" : ""}`;
      say(`what a pod's program loads: ${title}`);
      const folder = join(dist, "..", `loaded-${runtime}-${http}`);
      const files = await bundle(folder, { runtime, http, stage });
      const main = pathToFileURL(join(folder, "main.js")).href;
      const loaded = await runProgram<string[]>(main, { runtime, env: stage.env });
      const sizes = loaded.map((name) => gzipSync(files.get(name) ?? "", { level: 9 }).byteLength);
      figures.push({
        name: `loaded for the first kube.get in a pod, ${title}, minified and gzipped`,
        value: sizes.reduce((sum, size) => sum + size, 0) / 1_000,
        unit: "kB",
        goal: atMost(GOAL_KB),
        detail: `in ${loaded.length} files, without undici`,
      });
    }
  }
  return figures;
}

/** Writes a program whose files note that they were loaded. Gives their text without that. */
async function bundle(
  folder: string,
  { runtime, http, stage }: { runtime: "node" | "deno" | "bun"; http: Http; stage: Stage },
): Promise<ReadonlyMap<string, string>> {
  const { dist, root } = stage.place;
  const contents = `
    import { connect, inCluster } from ${JSON.stringify(join(dist, `${runtime}.js`))};
    const config = await inCluster({ root: ${JSON.stringify(root)} });
    const kube = await connect({ config, http: ${JSON.stringify(http)} });
    await kube.get("/version");
    await new Promise((resolve) => setTimeout(resolve, ${READY_MS}));
    console.log(JSON.stringify(globalThis.loadedFiles));
    await kube.close();`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: dist },
    entryNames: "main",
    outdir: folder,
    ...bundling,
    splitting: true,
  });
  await mkdir(folder, { recursive: true });
  const texts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  for (const [name, text] of texts) {
    const note = `(globalThis.loadedFiles ??= []).push(${JSON.stringify(name)});`;
    await writeFile(join(folder, name), `${note}\n${text}`);
  }
  return texts;
}
