/**
 * Builds what npm gets: `dist/<runtime>.js`, the chunks that they share, and their declarations.
 *
 * @module
 */

import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { type Options, type Plugin, build } from "tsup";
import { bin, root, run } from "./run.ts";

/** What is loaded only where it is used, by names that the size check knows. */
const lazy = {
  "deno-programs": join(root, "runtimes/deno/programs.ts"),
  discovery: join(root, "src/resources/discovery.ts"),
  impersonation: join(root, "src/config/impersonation.ts"),
  kubeconfig: join(root, "src/config/kubeconfig/kubeconfig.ts"),
  "no-proxy": join(root, "src/config/no-proxy.ts"),
  "node-programs": join(root, "runtimes/_shared/node-programs.ts"),
  tunnel: join(root, "runtimes/node/tunnel.ts"),
};

/** Imports and exports of other files, but for those of types alone. */
const staticImport = /^(?:import|export)\s+(?!type\b)[^;]*?from\s+"(\.{1,2}\/[^"]+\.ts)"/gm;

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
const outside = [/^node:/, "@kubernetes/client-node", "socks", "undici", "yaml", /^zod/];

const common: Options = {
  config: false,
  outDir: dist,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  silent: true,
  external: outside,
  removeNodeProtocol: false,
};

/** An npm package can't import from JSR. */
const npmFiles: Plugin = {
  name: "npm-files",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/exists\.ts$/ }, ({ resolveDir }) => ({
      path: join(resolveDir, "exists.npm.ts"),
    }));
  },
};

await rm(dist, { recursive: true, force: true });
const core = await findCore();
await buildCore();
await buildEntries();
await writeDeclarations();

/**
 * Finds what every client has, and builds it into one file: left to the bundler, it would be a dozen, and
 * a start-up on Node that much longer.
 */
async function findCore(): Promise<Set<string>> {
  const files = new Set<string>();
  async function visit(file: string): Promise<void> {
    if (files.has(file)) return;
    files.add(file);
    const text = await readFile(file, "utf8");
    for (const [, specifier = ""] of text.matchAll(staticImport)) {
      await visit(join(dirname(file), specifier));
    }
  }
  await visit(join(root, "runtimes/edge.ts"));
  const src = join(root, "src/");
  return new Set([...files].filter((file) => file.startsWith(src)));
}

async function buildCore(): Promise<void> {
  const file = join(dist, "core.ts");
  await mkdir(dist);
  const lines = [...core].sort().map((path) => `export * from ${JSON.stringify(path)};\n`);
  await writeFile(file, lines.join(""));
  const late = new Map(Object.entries(lazy).map(([name, path]) => [path, `./${name}.js`]));
  await build({
    ...common,
    entry: { core: file },
    esbuildPlugins: [elsewhere("late", (path) => late.get(path))],
  });
  await rm(file);
}

async function buildEntries(): Promise<void> {
  await build({
    ...common,
    entry: {
      ...Object.fromEntries(
        Object.entries(entries).map(([name, file]) => [name, join(root, file)]),
      ),
      ...lazy,
    },
    splitting: true,
    esbuildPlugins: [
      npmFiles,
      elsewhere("core", (path) => (core.has(path) ? "./core.js" : undefined)),
    ],
  });
}

/** Leaves files to another build. */
function elsewhere(name: string, find: (path: string) => string | undefined): Plugin {
  return {
    name,
    setup({ onResolve }) {
      onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ path, resolveDir }) => {
        const built = find(join(resolveDir, path));
        return built === undefined ? undefined : { path: built, external: true };
      });
    },
  };
}

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
