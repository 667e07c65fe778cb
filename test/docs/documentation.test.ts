/**
 * What the documentation shows is what the code does: each example is type-checked as it stands, and run
 * where a pod is all it needs.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type TestServer, connectControl } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { type ProjectedVolume, createProjectedVolume } from "../support/projected-volume.ts";
import { type CodeBlock, codeBlocks } from "./code-blocks.ts";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = await readFile(join(root, "README.md"), "utf8");
const blocks = codeBlocks(readme).filter(({ language }) => language === "ts");

/** What an example may need, in the folder that it is written to. */
const entries: Readonly<Record<string, string>> = {
  reanchor: "runtimes/node.ts",
  "reanchor/node": "runtimes/node.ts",
  "reanchor/edge": "runtimes/edge.ts",
  "reanchor/agents": "runtimes/agents.ts",
  "reanchor/client-node": "runtimes/client-node.ts",
  "reanchor/resources": "src/resources/index.ts",
  "@reanchor/reanchor": "runtimes/deno.ts",
  "@reanchor/reanchor/node": "runtimes/node.ts",
  "@reanchor/reanchor/bun": "runtimes/bun.ts",
  "@reanchor/reanchor/edge": "runtimes/edge.ts",
  "@reanchor/reanchor/agents": "runtimes/agents.ts",
  "@reanchor/reanchor/client-node": "runtimes/client-node.ts",
  "@reanchor/reanchor/resources": "src/resources/index.ts",
};

/** The drop-ins, and where a caller's own client is given a `fetch`. */
const dropIns: readonly (string | undefined)[] = [
  "reanchor/agents",
  "reanchor/client-node",
  "reanchor/node",
];

const examples = ["pod", "controller", "wait-until-ready"];

let folder: string;
let server: TestServer;
let volume: ProjectedVolume;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  // Inside the project, so that the types of Node are found.
  await mkdir(join(root, ".tmp"), { recursive: true });
  folder = await mkdtemp(join(root, ".tmp/docs-"));
  const ca = await createCa();
  server = await connectControl(inject("controlUrl")).serve({
    ...(await ca.issue()),
    token: "sesame",
    fakeApi: {},
  });
  await server.fake.put("pods", { metadata: { name: "web", labels: { app: "web" } } });
  await server.fake.put("widgets", { metadata: { name: "a" }, spec: { size: 1 } });
  volume = await createProjectedVolume({ ca: ca.pem, token: "sesame", namespace: "default" });
  await writeFile(
    join(volume.root, "kubeconfig"),
    `
contexts: [{ name: admin@staging, context: { cluster: staging, user: admin } }]
clusters: [{ name: staging, cluster: { server: ${server.origin}, certificate-authority: ca.crt } }]
users: [{ name: admin, user: { tokenFile: token } }]
`,
  );
  // client-node knows no `tokenFile`.
  await writeFile(
    join(volume.root, "kubeconfig-of-client-node"),
    `
current-context: admin@staging
contexts: [{ name: admin@staging, context: { cluster: staging, user: admin } }]
clusters: [{ name: staging, cluster: { server: ${server.origin}, certificate-authority: ca.crt } }]
users: [{ name: admin, user: { token: sesame } }]
`,
  );
  environment = {
    ...process.env,
    NO_COLOR: "1",
    KUBERNETES_SERVICE_HOST: "127.0.0.1",
    KUBERNETES_SERVICE_PORT: String(server.port),
    DOCS_ROOT: volume.root,
    KUBECONFIG: join(volume.root, "kubeconfig-of-client-node"),
  };
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await volume?.remove();
  await server?.close();
});

async function execute(command: string, args: string[]): Promise<string> {
  const options = { cwd: root, env: environment };
  const { stdout } = await promisify(execFile)(command, args, options).catch((error: unknown) => {
    const { stdout: out = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(" ")} failed:\n${out}\n${stderr}`);
  });
  return stdout;
}

/** Writes an example so that its entry is the given module. */
async function writeExample(block: CodeBlock, entry: string): Promise<string> {
  const file = join(folder, `run-${block.line}-${entry}.ts`);
  const path = join(root, `test/docs/${entry}.ts`);
  await writeFile(file, withPaths(block.code.replace(`"${block.entry}"`, JSON.stringify(path))));
  return file;
}

/** Names the files of all entries that are the same everywhere. */
function withPaths(code: string): string {
  return code.replace(/"(reanchor\/[\w-]+)"/g, (specifier, name: string) => {
    const path = entries[name];
    return path === undefined ? specifier : JSON.stringify(join(root, path));
  });
}

/** Whether a pod is all that an example needs. */
function needsOnlyAPod({ code }: CodeBlock): boolean {
  return code.includes("await connect(") && !code.includes("config:");
}

describe("README.md", () => {
  test("has examples for each way in", () => {
    const found = new Set(blocks.map(({ entry }) => entry));
    const ways = ["reanchor", "@reanchor/reanchor", "reanchor/edge", ...dropIns];
    expect(found).toEqual(new Set(ways));
  });

  test("every example is type-checked as it stands", async () => {
    await Promise.all(
      blocks.map(({ line, code }) => writeFile(join(folder, `line-${line}.ts`), code)),
    );
    const paths = Object.fromEntries(
      Object.entries(entries).map(([name, path]) => [name, [join(root, path)]]),
    );
    paths["@std/fs/exists"] = [join(root, "test/support/std-fs/exists.ts")];
    const project = join(folder, "tsconfig.json");
    await writeFile(
      project,
      JSON.stringify({
        extends: join(root, "tsconfig.json"),
        compilerOptions: { types: ["node"], paths },
        include: ["line-*.ts", ...examples.map((name) => join(root, `examples/${name}/main.ts`))],
      }),
    );
    await execute(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project]);
  });

  const runnable = blocks.filter(needsOnlyAPod);

  test.each(runnable.filter(({ entry }) => entry === "reanchor"))(
    "the example on line $line runs on Node and Bun",
    async (block) => {
      const onNode = await execute(process.execPath, [await writeExample(block, "pod.node")]);
      const bun = require.resolve("bun/bin/bun.exe");
      const onBun = await execute(bun, [await writeExample(block, "pod.bun")]);
      expect(onNode).not.toBe("");
      expect(onBun).not.toBe("");
    },
  );

  test.each(blocks.filter(({ entry }) => dropIns.includes(entry)))(
    "the drop-in on line $line runs on Node",
    async ({ code, line }) => {
      const file = join(folder, `drop-in-${line}.ts`);
      await writeFile(file, withPaths(code));
      expect(await execute(process.execPath, [file])).not.toBe("");
    },
  );

  test.each(runnable.filter(({ entry }) => entry === "@reanchor/reanchor"))(
    "the example on line $line runs on Deno",
    async (block) => {
      const file = await writeExample(block, "pod.deno");
      const config = join(root, "deno.offline.json");
      const deno = [require.resolve("deno/bin.cjs"), "run", "-A", "--no-check", "--config", config];
      expect(await execute(process.execPath, [...deno, file])).toContain("gitVersion");
    },
  );
});

test("every docstring's example is type-checked and run on Deno", async () => {
  const url = (path: string): string => new URL(`../../${path}`, import.meta.url).href;
  const importMap = join(folder, "import-map.json");
  const imports = {
    undici: "npm:undici@^8",
    "@std/fs/exists": url("test/support/std-fs/exists.ts"),
    "@reanchor/reanchor": url("test/docs/pod.deno.ts"),
    "@reanchor/reanchor/node": url("test/docs/pod.deno.ts"),
    "@reanchor/reanchor/bun": url("test/docs/pod.deno.ts"),
    "@reanchor/reanchor/edge": url("runtimes/edge.ts"),
    "@reanchor/reanchor/agents": url("runtimes/agents.ts"),
    "@reanchor/reanchor/client-node": url("runtimes/client-node.ts"),
    "@reanchor/reanchor/resources": url("src/resources/index.ts"),
    "@kubernetes/client-node": "npm:@kubernetes/client-node@^2",
  };
  await writeFile(importMap, JSON.stringify({ imports }));
  const config = ["--config", join(root, "deno.offline.json"), "--import-map", importMap];
  const deno = [require.resolve("deno/bin.cjs"), "test", "--doc", "-A", ...config];
  const output = await execute(process.execPath, [...deno, "src", "runtimes"]);
  const passed = Number(/(\d+) passed/.exec(output)?.[1]);
  expect(passed).toBeGreaterThanOrEqual(10);
}, 120_000);
