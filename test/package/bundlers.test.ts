/**
 * What docs/bundlers.md says of each bundler: a program is bundled with the installed package, and the bundle
 * sends a request that is verified.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import commonjsPlugin from "@rollup/plugin-commonjs";
import jsonPlugin from "@rollup/plugin-json";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { type BuildOptions, build as esbuild } from "esbuild";
import { build as rolldown } from "rolldown";
import { type Plugin, rollup } from "rollup";
import { build as vite } from "vite";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import webpack from "webpack";
import { type TestServer, connectControl } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { type InstalledPackage, installPackage } from "./installed-package.ts";
import { root } from "./project.ts";

// Their types are those of their CommonJS, of whose module the function is a member.
const commonjs = commonjsPlugin as unknown as () => Plugin;
const json = jsonPlugin as unknown as () => Plugin;

const bin = (name: string): string => `${root}node_modules/.bin/${name}`;

let project: InstalledPackage;
let server: TestServer;

beforeAll(async () => {
  const ca = await createCa();
  server = await connectControl(inject("controlUrl")).serve(await ca.issue());
  project = await installPackage();
  await project.write("main.mjs", program(server.origin, ca.pem));
  await project.write("infer.mjs", 'import { connect } from "reanchor";\nawait connect();\n');
}, 120_000);

afterAll(async () => {
  await project?.remove();
  await server?.close();
});

/** Reads a kubeconfig, whose code is loaded late, and sends a request. */
function program(origin: string, ca: string): string {
  const content = `
current-context: here
contexts: [{ name: here, context: { cluster: kube } }]
clusters: [{ name: kube, cluster: { server: "${origin}", certificate-authority-data: ${btoa(ca)} } }]
`;
  return `
import { connect, kubeconfig, runtime } from "reanchor";
import { Pod } from "reanchor/resources";
async function main() {
  const kube = await connect({ config: await kubeconfig({ content: ${JSON.stringify(content)} }) });
  const { gitVersion } = await kube.get("/version");
  await kube.close();
  console.log(runtime.name, Pod.kind, typeof gitVersion);
}
main();
`;
}

const works = "node Pod string\n";

async function runOnNode(...path: string[]): Promise<string> {
  return await project.run(process.execPath, [join(project.folder, ...path)]);
}

describe("esbuild", () => {
  async function bundle(name: string, options: BuildOptions, entry = "main.mjs"): Promise<string> {
    const outfile = join(project.folder, name);
    await esbuild({
      absWorkingDir: project.folder,
      entryPoints: [entry],
      bundle: true,
      outfile,
      logLevel: "error",
      ...options,
    });
    return name;
  }
  const banner =
    'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

  test.each<[how: string, file: string, options: BuildOptions]>([
    ["to ESM with a require", "banner.mjs", { format: "esm", banner: { js: banner } }],
    ["to ESM with packages left out", "external.mjs", { format: "esm", packages: "external" }],
    ["to CommonJS", "main.cjs", { format: "cjs" }],
  ])("bundles %s for Node", async (_, file, options) => {
    const path = await bundle(file, { platform: "node", ...options });
    expect(await runOnNode(path)).toBe(works);
  });

  test("needs a require in ESM for Node, for undici and yaml are CommonJS", async () => {
    const path = await bundle("bare.mjs", { platform: "node", format: "esm" });
    await expect(runOnNode(path)).rejects.toThrow(/Dynamic require of/);
  });

  test("picks the build for edge where it is not told the platform, and the error says so", async () => {
    const path = await bundle("edge.mjs", { format: "esm" }, "infer.mjs");
    await expect(runOnNode(path)).rejects.toThrow(
      /this is the build of reanchor for edge runtimes.*reanchor\/node.*--platform=node/,
    );
  });
});

describe("webpack", () => {
  test.each<[format: string, file: string, configuration: webpack.Configuration]>([
    ["CommonJS", "main.cjs", { output: { filename: "main.cjs" } }],
    [
      "ESM",
      "main.mjs",
      {
        experiments: { outputModule: true },
        output: { filename: "main.mjs", module: true, chunkFormat: "module" },
      },
    ],
  ])(
    "bundles to %s with target node",
    async (format, file, { output, ...configuration }) => {
      const folder = `webpack-${format}`;
      await new Promise<void>((resolve, reject) => {
        const path = join(project.folder, folder);
        const options: webpack.Configuration = {
          mode: "none",
          target: "node",
          context: project.folder,
          entry: "./main.mjs",
          output: { ...output, path },
          ...configuration,
        };
        webpack(options, (error, stats) => {
          const failure = error ?? stats?.compilation.errors[0];
          if (failure) reject(failure);
          else resolve();
        });
      });
      expect(await runOnNode(folder, file)).toBe(works);
    },
    60_000,
  );
});

describe("rollup", () => {
  async function bundle(dir: string, exportConditions: string[], input: string): Promise<void> {
    const built = await rollup({
      input: join(project.folder, input),
      plugins: [nodeResolve({ exportConditions, preferBuiltins: true }), commonjs(), json()],
      onwarn: () => {},
    });
    await built.write({ dir: join(project.folder, dir), format: "esm" });
  }

  test("bundles with the export condition node", async () => {
    await bundle("rollup", ["node"], "main.mjs");
    expect(await runOnNode("rollup", "main.js")).toBe(works);
  }, 60_000);

  test("picks the build for edge without it, and the error says so", async () => {
    await bundle("rollup-edge", [], "infer.mjs");
    await expect(runOnNode("rollup-edge", "infer.js")).rejects.toThrow(/the build .* for edge/);
  }, 60_000);
});

test("rolldown bundles with platform node", async () => {
  await rolldown({
    cwd: project.folder,
    input: "main.mjs",
    platform: "node",
    output: { dir: "rolldown" },
  });
  expect(await runOnNode("rolldown", "main.js")).toBe(works);
});

test.each([false, true])(
  "vite builds for the server with noExternal: %s",
  async (noExternal) => {
    const outDir = `vite-${noExternal}`;
    await vite({
      root: project.folder,
      configFile: false,
      logLevel: "error",
      ssr: noExternal ? { noExternal } : {},
      build: { ssr: "main.mjs", outDir },
    });
    expect(await runOnNode(outDir, "main.js")).toBe(works);
  },
  60_000,
);

test("vitest takes the entry for Node", async () => {
  await project.write(
    "entry.test.mjs",
    'import { runtime } from "reanchor";\ntest("entry", () => expect(runtime.name).toBe("node"));\n',
  );
  const vitest = `${root}node_modules/vitest/vitest.mjs`;
  const args = ["run", "--globals", "--root", project.folder, "--config", "none.mjs"];
  await project.write("none.mjs", "export default {};\n");
  expect(await project.run(process.execPath, [vitest, ...args])).toMatch(/1 passed/);
}, 60_000);

test("bun build --compile makes an executable", async () => {
  await project.run(bin("bun"), ["build", "--compile", "main.mjs", "--outfile", "bun-executable"]);
  const output = await project.run(join(project.folder, "bun-executable"), []);
  expect(output).toBe(works.replace("node", "bun"));
}, 60_000);

test("deno compile finds all that it embeds", async () => {
  // What runs an executable comes from a host of Deno's alone; Deno itself stands in for it, to be packed.
  const require = createRequire(import.meta.url);
  const platform = createRequire(require.resolve("deno/package.json"));
  const names = Object.keys(platform("./package.json").optionalDependencies as object);
  const own = names.flatMap((name) => {
    try {
      return [platform.resolve(`${name}/deno`)];
    } catch {
      return [];
    }
  });
  const [denort = ""] = own;
  const flags = ["compile", "--no-check", "--output", "deno-executable", "main.mjs"];
  await project.run("env", [`DENORT_BIN=${denort}`, bin("deno"), ...flags]);
  expect((await stat(join(project.folder, "deno-executable"))).isFile()).toBe(true);
}, 60_000);
