/**
 * Builds the files of the npm package: `dist/<entry>.js`, the shared chunks, and the declarations.
 *
 * @module
 */

import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { type Plugin, build } from "rolldown";
import { bin, root, run } from "./run.ts";

/** The public entries, by the names of their built files. */
const entries = {
  node: "runtimes/node.ts",
  deno: "runtimes/deno.ts",
  bun: "runtimes/bun.ts",
  edge: "runtimes/edge.ts",
  agents: "runtimes/agents.ts",
  server: "runtimes/server.ts",
  "client-node": "runtimes/client-node.ts",
  grpc: "runtimes/grpc.ts",
  resources: "src/resources/index.ts",
  manifests: "src/manifests/index.ts",
  testing: "runtimes/testing.ts",
};

/** The programs, which are run and not imported. */
const programs = { cli: "runtimes/cli.ts" };

const ownModule = /[\\/](?:src|runtimes)[\\/]/;

/** How connections are dialled: what all late code over sockets has in common. */
const connections = join(root, "runtimes/_shared/dial-upgrade.ts");

/** The entries that are a whole client each. */
const clients = ["node", "deno", "bun", "edge"] as const;

const dist = join(root, "dist");
const types = join(dist, "types");

/** An npm package can't import from JSR. */
const npmFiles: Plugin = {
  name: "npm-files",
  async resolveId(specifier, importer) {
    if (specifier !== "./exists.ts") return null;
    return await this.resolve("./exists.npm.ts", importer);
  },
};

/** What was bundled. */
interface Modules {
  getModuleInfo(id: string): { readonly importedIds: readonly string[] } | null;
}

/** What is loaded with each entry. */
const graphs = new Map<string, ReadonlySet<string>>();

await rm(dist, { recursive: true, force: true });
await build({
  cwd: root,
  input: { ...entries, ...programs },
  platform: "neutral",
  external: [/^node:/, "@grpc/grpc-js", "@kubernetes/client-node", "undici", "yaml", /^zod/],
  plugins: [npmFiles],
  transform: { target: "es2022" },
  output: {
    dir: dist,
    format: "esm",
    comments: { annotation: true, jsdoc: false, legal: false },
    entryFileNames: "[name].js",
    // Code that is loaded at its first use. The size check ignores this folder.
    chunkFileNames: ({ isDynamicEntry, name }) =>
      isDynamicEntry ? `late/${name}.js` : `${name}.js`,
    codeSplitting: {
      // Each file more delays the start of a program on Node, and so does each byte.
      groups: [
        // A group captures what its modules import as well: what most clients have comes first.
        ...[4, 3, 2, 1].map((count) => ({
          debugName: `loaded with ${count} clients`,
          name: (id: string, modules: Modules) => {
            const having = clientsOf(id, modules);
            if (having.length !== count) return null;
            if (count === clients.length) return "core";
            return count === 1 ? `${having.join()}-runtime` : having.join("-");
          },
          test: ownModule,
          priority: 1 + count,
        })),
        // Apart from one another, since edge loads the core's part alone.
        ...[
          { name: "late/http1", test: /[\\/]src[\\/]/ },
          { name: "late/connections", test: /[\\/]runtimes[\\/]/ },
        ].map(({ name, test }, index) => ({
          debugName: name,
          name: (id: string, modules: Modules) =>
            loadedWith(connections, modules).has(id) ? name : null,
          test,
          priority: 1 - index / 2,
        })),
        // Clients load this late, and the drop-in for client-node loads it at once.
        { name: "late/client-certificates", test: /client-cert-pair|private-key/ },
      ],
    },
  },
});
await writeDeclarations();

/** The clients that load a module with their entries; none for the entries. */
function clientsOf(id: string, modules: Modules): string[] {
  const having = clients.filter((client) =>
    loadedWith(join(root, entries[client]), modules).has(id),
  );
  return having.some((client) => id === join(root, entries[client])) ? [] : having;
}

/** What is loaded with a module, itself included. */
function loadedWith(entry: string, modules: Modules): ReadonlySet<string> {
  const known = graphs.get(entry);
  if (known !== undefined) return known;
  const loaded = new Set([entry]);
  for (const id of loaded) {
    for (const imported of modules.getModuleInfo(id)?.importedIds ?? []) loaded.add(imported);
  }
  graphs.set(entry, loaded);
  return loaded;
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

/** Finds the declarations that a public one refers to. Those of private files refer to other packages. */
async function follow(file: string, reachable: Set<string>): Promise<void> {
  if (reachable.has(file)) return;
  reachable.add(file);
  const text = await readFile(file, "utf8");
  const relative = /((?:from|import)\s*\(?\s*")(\.{1,2}\/[^"]*)\.ts(")/g;
  for (const [, , specifier = ""] of text.matchAll(relative)) {
    await follow(resolve(dirname(file), `${specifier}.d.ts`), reachable);
  }
  // Older compilers and bundlers find declarations by the name of the JavaScript file beside them. The
  // examples use the package's name on JSR.
  const forNpm = text.replace(relative, "$1$2.js$3").replaceAll("@reanchor/reanchor", "reanchor");
  await writeFile(file, forNpm);
}

async function removeEmptyFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeEmptyFolders(join(folder, entry.name));
  }
  if ((await readdir(folder)).length === 0) await rm(folder, { recursive: true });
}
