/**
 * Builds what npm gets: `dist/<runtime>.js`, the chunks that they share, and their declarations.
 *
 * @module
 */

import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { type Options, build } from "tsup";
import { bin, root, run } from "./run.ts";

/** What is loaded only where it is used, by names that the size check knows. */
const lazy = {
  "deno-programs": join(root, "runtimes/deno/programs.ts"),
  discovery: join(root, "src/api/discovery.ts"),
  kubeconfig: join(root, "src/config/kubeconfig.ts"),
  "node-programs": join(root, "runtimes/_shared/node-programs.ts"),
  tunnel: join(root, "runtimes/node/tunnel.ts"),
};

/** The public entries, by the names of what is built. */
const entries = {
  node: "runtimes/node.ts",
  deno: "runtimes/deno.ts",
  bun: "runtimes/bun.ts",
  edge: "runtimes/edge.ts",
  agents: "runtimes/agents.ts",
  "client-node": "runtimes/client-node.ts",
  resources: "src/resources/index.ts",
};

const dist = join(root, "dist");
const types = join(dist, "types");

const bundle: Options = {
  config: false,
  entry: {
    ...Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(root, file)])),
    ...lazy,
  },
  outDir: dist,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  splitting: true,
  silent: true,
  external: [/^node:/, "@kubernetes/client-node", "socks", "undici", "yaml", /^zod/],
  removeNodeProtocol: false,
  esbuildPlugins: [
    {
      // An npm package can't import from JSR.
      name: "npm-files",
      setup({ onResolve }) {
        onResolve({ filter: /^\.\/exists\.ts$/ }, ({ resolveDir }) => ({
          path: join(resolveDir, "exists.npm.ts"),
        }));
      },
    },
  ],
};

await rm(dist, { recursive: true, force: true });
await build(bundle);
await writeDeclarations();

async function writeDeclarations(): Promise<void> {
  const { exitCode, output } = await run(bin("tsc"), ["-p", "tools/tsconfig.build.json"]);
  if (exitCode !== 0) {
    console.error(output);
    process.exit(1);
  }
  const reachable = new Set<string>();
  for (const file of Object.values(entries)) {
    await follow(join(types, file.replace(/\.ts$/, ".d.ts")), reachable);
  }
  for (const file of await readdir(types, { recursive: true, withFileTypes: true })) {
    const path = join(file.parentPath, file.name);
    if (file.isFile() && !reachable.has(path)) await rm(path);
  }
  await removeEmptyFolders(types);
}

/** Finds the declarations that a public one leads to. Those of private files lead to other packages. */
async function follow(file: string, reachable: Set<string>): Promise<void> {
  if (reachable.has(file)) return;
  reachable.add(file);
  const text = await readFile(file, "utf8");
  const relative = /((?:from|import)\s*\(?\s*")(\.{1,2}\/[^"]*)\.ts(")/g;
  for (const [, , specifier = ""] of text.matchAll(relative)) {
    await follow(resolve(dirname(file), `${specifier}.d.ts`), reachable);
  }
  // Older compilers and bundlers know declarations by the name of the JavaScript beside them. The
  // examples name the package as it is called on JSR.
  const forNpm = text.replace(relative, "$1$2.js$3").replaceAll("@reanchor/reanchor", "reanchor");
  await writeFile(file, forNpm);
}

async function removeEmptyFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeEmptyFolders(join(folder, entry.name));
  }
  if ((await readdir(folder)).length === 0) await rm(folder, { recursive: true });
}
