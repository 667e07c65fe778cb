/**
 * The packed package, installed into an empty project, works from every runtime and type-checks there.
 *
 * @module
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type TestServer, connectControl } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { type InstalledPackage, installPackage } from "./installed-package.ts";
import { type NpmConfig, readJson, root } from "./project.ts";

/** The compilers by version; those that are not the project's are in folders of their own. */
const typescripts: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    "5.7": "test/package/typescript/5.7/",
    "6": "test/package/typescript/6/",
    "7": "./",
  }).map(([version, folder]) => {
    const require = createRequire(new URL(folder, `file://${root}`));
    return [version, join(dirname(require.resolve("typescript/package.json")), "bin/tsc")];
  }),
);

/** A program that is compiled to CommonJS. */
const commonJsProgram = `
import { runtime } from "reanchor";
import { Pod } from "reanchor/resources";
console.log(runtime.name, Pod.kind);
`;

const bin = (name: string): string => `${root}node_modules/.bin/${name}`;
const node = (version: "22" | "24" | "26"): string =>
  `${root}node_modules/node${version === "24" ? "" : version}/bin/node`;

let project: InstalledPackage;
let server: TestServer;

beforeAll(async () => {
  const ca = await createCa();
  server = await connectControl(inject("controlUrl")).serve(await ca.issue());
  project = await installPackage();
  await project.write("import.mjs", importProgram);
  await project.write("request.mjs", requestProgram(server.origin, ca.pem));
  await project.write("kubeconfig.mjs", kubeconfigProgram(server.origin, ca.pem));
}, 120_000);

afterAll(async () => {
  await project?.remove();
  await server?.close();
});

/** Says which entries it got. */
const importProgram = `
import * as root from "reanchor";
import * as named from "reanchor/node";
import * as deno from "reanchor/deno";
import * as bun from "reanchor/bun";
import * as edge from "reanchor/edge";
import { Pod } from "reanchor/resources";
import npm from "reanchor/package.json" with { type: "json" };
const entries = [root, named, deno, bun, edge];
if (Pod.plural !== "pods") throw new Error("no pods");
console.log(JSON.stringify({ entries: entries.map(({ runtime }) => runtime.name), version: npm.version }));
`;

/** Sends a request by a kubeconfig in YAML. */
function kubeconfigProgram(origin: string, ca: string): string {
  const content = `
current-context: here
contexts: [{ name: here, context: { cluster: kube, namespace: shop } }]
clusters:
  - name: kube
    cluster: { server: "${origin}", certificate-authority-data: ${btoa(ca)} }
`;
  return `
import { connect, kubeconfig } from "reanchor";
const kube = await connect({ config: await kubeconfig({ content: ${JSON.stringify(content)} }) });
const { gitVersion } = await kube.get("/version");
await kube.close();
console.log(JSON.stringify({ namespace: kube.namespace, gitVersion }));
`;
}

/** Sends a request with the entry that the runtime picks. */
function requestProgram(origin: string, ca: string): string {
  return `
import { connect, staticCaSource, runtime } from "reanchor";
const ca = staticCaSource(${JSON.stringify(ca)});
const kube = await connect({ config: { server: ${JSON.stringify(origin)}, ca } });
const { gitVersion } = await kube.get("/version");
await kube.close();
console.log(JSON.stringify({ runtime: runtime.name, gitVersion }));
`;
}

describe("the tarball", () => {
  test("holds the build and its documents, and nothing else", async () => {
    const files = [...(await project.files()).keys()].toSorted();
    const others = files.filter(
      (file) => !/^dist\/(?:(?:late\/)?[\w-]+\.js|types\/.*\.d\.ts)$/.test(file),
    );
    expect(others).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  });

  test("has nothing of JSR's in its code, nor the stand-in", async () => {
    for (const [path, content] of await project.files()) {
      if (path.endsWith(".md")) continue;
      expect(content, path).not.toMatch(/@std\/|jsr:|std-fs/);
    }
  });

  test("has declarations that lead to no other package, but for the drop-ins of Node's", async () => {
    const dropIns =
      /^dist\/types\/runtimes\/(?:agents|server|client-node|grpc|node\/(?:agents|client-node|grpc)\/)/;
    for (const [path, content] of await project.files()) {
      if (!path.endsWith(".d.ts")) continue;
      const code = content.replaceAll(/\/\*\*[\s\S]*?\*\//g, "");
      expect(code, path).not.toContain("<reference");
      if (!dropIns.test(path)) expect(code, path).not.toMatch(/(?:from|import)\s*\(?\s*"[^.]/);
    }
  });
});

describe("an import", () => {
  const everywhere = (runtime: string): unknown => [runtime, "node", "deno", "bun", "edge"];

  test.each(["22", "24", "26"] as const)("picks the Node entry on Node %s", async (version) => {
    const { version: expected } = await readJson<NpmConfig>("package.json");
    const output = await project.run(node(version), ["import.mjs"]);
    expect(JSON.parse(output)).toEqual({ entries: everywhere("node"), version: expected });
  });

  test("picks the Bun entry on Bun", async () => {
    const output = await project.run(bin("bun"), ["import.mjs"]);
    expect(JSON.parse(output)).toMatchObject({ entries: everywhere("bun") });
  });

  test("picks the Deno entry on Deno", async () => {
    const output = await project.run(bin("deno"), ["run", "--no-prompt", "-A", "import.mjs"]);
    expect(JSON.parse(output)).toMatchObject({ entries: everywhere("deno") });
  });

  test.each(["workerd", "edge-light", "worker", "browser"])(
    "picks the edge entry under the condition %s",
    async (condition) => {
      const output = await project.run(node("24"), [`--conditions=${condition}`, "import.mjs"]);
      expect(JSON.parse(output)).toMatchObject({ entries: everywhere("edge") });
    },
  );
});

describe("importing does no I/O", () => {
  test("on Deno, which grants nothing and would throw", async () => {
    await project.write(
      "deno.mjs",
      'import { runtime } from "reanchor"; console.log(runtime.name);',
    );
    const output = await project.run(bin("deno"), ["run", "--no-prompt", "deno.mjs"]);
    expect(output).toBe("deno\n");
  });

  test("on Deno from the edge entry", async () => {
    await project.write(
      "edge.mjs",
      'import { runtime } from "reanchor/edge"; console.log(runtime.name);',
    );
    const output = await project.run(bin("deno"), ["run", "--no-prompt", "edge.mjs"]);
    expect(output).toBe("edge\n");
  });

  test.each(["node", "bun", "deno", "edge"])("on Node from the %s entry", async (entry) => {
    await project.write(
      `idle-${entry}.mjs`,
      `import process from "node:process";
import { writeSync } from "node:fs";
const before = process.getActiveResourcesInfo();
await import("reanchor/${entry}");
writeSync(1, JSON.stringify({ before, after: process.getActiveResourcesInfo() }));`,
    );
    // Only modules may be read, and nothing written, spawned or connected to.
    const permissions = ["--permission", `--allow-fs-read=${project.folder}/*`];
    const output = await project.run(node("26"), [...permissions, `idle-${entry}.mjs`]);
    const { before, after } = JSON.parse(output);
    expect(after).toEqual(before);
  });
});

describe("the command line", () => {
  const crd = JSON.stringify({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind: "Widget", plural: "widgets" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: {} } }],
    },
  });

  test("is run by npx", async () => {
    await project.write("crd.json", crd);
    const output = await project.run("npx", ["--offline", "reanchor", "generate", "crd.json"]);
    expect(output).toContain('plural: "widgets",');
  });

  test.each<[where: string, command: string, args: string[]]>([
    ["Node 22", node("22"), []],
    ["Node 24", node("24"), []],
    ["Node 26", node("26"), []],
    ["Bun", bin("bun"), []],
    ["Deno", bin("deno"), ["run", "--no-prompt", "--allow-read=crd.json", "--allow-env"]],
  ])("runs on %s", async (_where, command, args) => {
    await project.write("crd.json", crd);
    const program = "node_modules/reanchor/dist/cli.js";
    const output = await project.run(command, [...args, program, "generate", "crd.json"]);
    expect(output).toContain("export const Widget: ResourceKind<");
  });
});

describe("a kubeconfig", () => {
  test.each(["22", "24", "26"] as const)("is read on Node %s", async (version) => {
    const output = await project.run(node(version), ["kubeconfig.mjs"]);
    expect(JSON.parse(output)).toEqual({ namespace: "shop", gitVersion: expect.any(String) });
  });

  test("is read on Bun", async () => {
    const output = await project.run(bin("bun"), ["kubeconfig.mjs"]);
    expect(JSON.parse(output)).toEqual({ namespace: "shop", gitVersion: expect.any(String) });
  });

  test("is read on Deno with the network and the YAML parser's two variables", async () => {
    const net = `--allow-net=${new URL(server.origin).host}`;
    const env = "--allow-env=LOG_STREAM,LOG_TOKENS";
    const run = ["run", "--no-prompt", net, env, "kubeconfig.mjs"];
    const output = await project.run(bin("deno"), run);
    expect(JSON.parse(output)).toEqual({ namespace: "shop", gitVersion: expect.any(String) });
  });
});

describe("a request", () => {
  test.each(["22", "24", "26"] as const)("succeeds on Node %s", async (version) => {
    const output = await project.run(node(version), ["request.mjs"]);
    expect(JSON.parse(output)).toEqual({ runtime: "node", gitVersion: expect.any(String) });
  });

  test("succeeds on Bun", async () => {
    const output = await project.run(bin("bun"), ["request.mjs"]);
    expect(JSON.parse(output)).toEqual({ runtime: "bun", gitVersion: expect.any(String) });
  });

  test("succeeds on Deno with the network alone", async () => {
    const net = `--allow-net=${new URL(server.origin).host}`;
    const output = await project.run(bin("deno"), ["run", "--no-prompt", net, "request.mjs"]);
    expect(JSON.parse(output)).toEqual({ runtime: "deno", gitVersion: expect.any(String) });
  });
});

describe("types", () => {
  const consumer = `
import { connect, createFetch, isReanchorError, type KubeClient, type ReanchorEvent } from "reanchor";
import { fileCaSource } from "reanchor/node";
import { inCluster } from "reanchor/deno";
import { fileTokenSource } from "reanchor/bun";
import { functionTokenSource, connect as connectOnEdge } from "reanchor/edge";

export async function main(): Promise<string> {
  const events: ReanchorEvent["type"][] = [];
  const kube: KubeClient = await connect({
    config: await inCluster({ root: "/srv" }),
    onEvent: (event) => events.push(event.type),
  });
  const { gitVersion } = await kube.get<{ gitVersion: string }>("/version");
  const response: Response = await kube.fetch("/api", { signal: AbortSignal.timeout(1000) });
  await kube[Symbol.asyncDispose]();
  const fetched: Response = await createFetch({ ca: fileCaSource("/ca.crt") })("https://internal/");
  await connectOnEdge({ config: { server: "https://k", token: functionTokenSource(() => "t") } });
  void [fileTokenSource("/token"), isReanchorError(new Error("no")), response, fetched];
  return gitVersion;
}

// @ts-expect-error Options are typed.
void connect({ reloadIntervalMs: "soon" });
`;

  const standards = { lib: ["ES2022", "ESNext.Disposable", "DOM"], types: [] };
  const nodeAlone = {
    lib: ["ES2024", "ESNext.Disposable"],
    types: ["node"],
    typeRoots: [`${root}node_modules/@types`],
  };
  const nodenext = { module: "NodeNext", moduleResolution: "NodeNext" };
  const bundler = { module: "ESNext", moduleResolution: "Bundler" };

  test.each<[where: string, options: Record<string, unknown>]>([
    ["with Node's resolution", { ...nodenext, ...standards }],
    ["with Node's types in place of a browser's", { ...nodenext, ...nodeAlone }],
    ["with a bundler's resolution", { ...bundler, ...standards }],
    ["with a bundler's, for workerd", { ...bundler, ...standards, customConditions: ["workerd"] }],
    ["with a bundler's, for Bun", { ...bundler, ...standards, customConditions: ["bun"] }],
    ["with a bundler's, for Deno", { ...bundler, ...standards, customConditions: ["deno"] }],
  ])("check %s", async (where, options) => {
    const name = where.replaceAll(/\W+/g, "-");
    await project.write("consumer.ts", consumer);
    const config = await project.write(
      `tsconfig.${name}.json`,
      JSON.stringify({
        compilerOptions: {
          ...options,
          target: "ES2022",
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          skipLibCheck: false,
          noEmit: true,
        },
        files: ["consumer.ts"],
      }),
    );
    await project.run(bin("tsc"), ["-p", config]);
  });

  // The least that is supported, the last that was written in TypeScript, and the project's own.
  describe.each(["5.7", "6", "7"])("check by TypeScript %s", (version) => {
    const compiler = { target: "ES2022", strict: true, skipLibCheck: false, ...standards };

    async function compile(
      name: string,
      options: Record<string, unknown>,
      type: "module" | "commonjs" = "commonjs",
    ): Promise<string> {
      await project.write(`${name}/package.json`, JSON.stringify({ type }));
      await project.write(`${name}/consumer.ts`, consumer);
      await project.write(`${name}/main.ts`, commonJsProgram);
      const config = await project.write(
        `${name}/tsconfig.json`,
        JSON.stringify({
          compilerOptions: { ...compiler, ...options },
          files: ["consumer.ts", "main.ts"],
        }),
      );
      const tsc = typescripts[version] ?? "";
      expect(await project.run(node("24"), [tsc, "--version"])).toContain(` ${version}.`);
      await project.run(node("24"), [tsc, "-p", config]);
      return name;
    }

    test("with Node's resolution", async () => {
      await compile(`nodenext-${version}`, { ...nodenext, noEmit: true }, "module");
    });

    test("with a bundler's resolution", async () => {
      await compile(`bundler-${version}`, { ...bundler, noEmit: true });
    });

    test("with module commonjs, whose output runs", async () => {
      const folder = await compile(`commonjs-${version}`, { module: "commonjs" });
      for (const one of ["22", "24"] as const) {
        expect(await project.run(node(one), [`${folder}/main.js`])).toBe("node Pod\n");
      }
    });
  });

  test("check on Deno", async () => {
    await project.write("consumer.ts", consumer);
    await project.run(bin("deno"), ["check", "consumer.ts"]);
  });
});
