/**
 * What the documentation shows is what the code does: each example is type-checked as it stands, and run
 * where a pod is all it needs.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type TestServer, connectControl } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { type ProjectedVolume, createProjectedVolume } from "../support/projected-volume.ts";
import { type CodeBlock, codeBlocks } from "./code-blocks.ts";
import { readDocumentation, root } from "./documents.ts";
import { readEntries } from "./entries.ts";

const require = createRequire(import.meta.url);

/** A TypeScript block, and where it is. */
interface Example extends CodeBlock {
  /** As in `docs/trust.md:12`. */
  readonly place: string;
  /** What its files are called. */
  readonly id: string;
}

const examples: readonly Example[] = (await readDocumentation()).flatMap(({ path, text }) =>
  codeBlocks(text)
    .filter(({ language }) => language === "ts")
    .map((block) => {
      const id = `${path.replaceAll(/[^\w]/g, "-")}-${block.line}`;
      return { ...block, place: `${path}:${block.line}`, id };
    }),
);

/** The files of our entries, by the names that they are imported by. */
const entries = await readEntries();

/** The drop-ins, and where a caller's own client is given a `fetch`. */
const dropIns: readonly string[] = [
  "reanchor/agents",
  "reanchor/client-node",
  "reanchor/grpc",
  "reanchor/node",
  "reanchor/server",
  "reanchor/testing",
];

const programs = ["pod", "controller", "wait-until-ready", "shell", "port-forward"];

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

/** Writes an example so that one of its entries is the given module. */
async function writeExample(example: Example, entry: string, module: string): Promise<string> {
  const file = join(folder, `run-${example.id}-${module}.ts`);
  const path = join(root, `test/docs/${module}.ts`);
  await writeFile(file, withPaths(example.code.replace(`"${entry}"`, JSON.stringify(path))));
  return file;
}

/** Names the files of all entries that are the same everywhere. */
function withPaths(code: string): string {
  return code.replace(/"(reanchor\/[\w-]+)"/g, (specifier, name: string) => {
    const path = entries[name];
    return path === undefined ? specifier : JSON.stringify(join(root, path));
  });
}

/** The examples that import one of our entries, and may be run. Recipes have a test of their own. */
function examplesOf(...names: string[]): Example[] {
  return examples.filter(({ entries: imported, flags, place }) => {
    if (flags.includes("no-run") || place.startsWith("docs/recipes.md")) return false;
    return imported.some((name) => names.includes(name));
  });
}

/** Whether a pod is all that an example needs. */
function needsOnlyAPod({ code }: CodeBlock): boolean {
  return code.includes("await connect(") && !code.includes("config:");
}

/** Whether an example prints something, whatever happens. */
function prints({ code }: CodeBlock): boolean {
  return code.includes("console.log(") && !/onEvent\(|\bfor \(|\bfor await|\bcatch \(/.test(code);
}

/** What an example says that its lines print. */
function outputs({ code }: CodeBlock): string[] {
  return Array.from(
    code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm),
    ([, output = ""]) => output,
  );
}

describe("the README and docs/", () => {
  test("have examples for each way in", () => {
    const found = new Set(examples.flatMap(({ entries: imported }) => imported));
    const ways = ["reanchor", "@reanchor/reanchor", "reanchor/edge", ...dropIns];
    expect(Array.from(found)).toEqual(expect.arrayContaining(ways));
  });

  test("import no entry that there is not", () => {
    for (const { place, entries: imported } of examples) {
      expect(Object.keys(entries), place).toEqual(expect.arrayContaining([...imported]));
    }
  });

  test("have examples that are type-checked as they stand", async () => {
    await Promise.all(
      examples.map(({ id, code }) => writeFile(join(folder, `check-${id}.ts`), code)),
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
        compilerOptions: { types: ["node"], paths, moduleDetection: "force" },
        include: ["check-*.ts", ...programs.map((name) => join(root, `examples/${name}/main.ts`))],
      }),
    );
    await execute(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project]);
  });

  test.each(examplesOf("reanchor").filter(needsOnlyAPod))(
    "have an example at $place that runs on Node and Bun",
    async (example) => {
      const node = await writeExample(example, "reanchor", "pod.node");
      const onNode = await execute(process.execPath, [node]);
      const bun = require.resolve("bun/bin/bun.exe");
      const onBun = await execute(bun, [await writeExample(example, "reanchor", "pod.bun")]);
      if (!prints(example)) return;
      expect(onNode).not.toBe("");
      expect(onBun).not.toBe("");
    },
  );

  test.each(
    examplesOf(...dropIns, "reanchor/edge").filter(({ code }) => !code.includes("export ")),
  )("have an example at $place that runs on Node", async (example) => {
    const file = join(folder, `drop-in-${example.id}.ts`);
    await writeFile(file, withPaths(example.code));
    const output = await execute(process.execPath, [file]);
    if (prints(example)) expect(output).not.toBe("");
  });

  test.each(
    examplesOf("reanchor/resources").filter(({ entries: [first], code }) => {
      return first === "reanchor/resources" && !code.includes("connect");
    }),
  )("have an example at $place that runs without a cluster", async (example) => {
    const file = join(folder, `alone-${example.id}.ts`);
    await writeFile(file, withPaths(example.code));
    expect(outputs(example)).toEqual((await execute(process.execPath, [file])).trim().split("\n"));
  });

  test.each(examplesOf("@reanchor/reanchor").filter(needsOnlyAPod))(
    "have an example at $place that runs on Deno",
    async (example) => {
      const file = await writeExample(example, "@reanchor/reanchor", "pod.deno");
      const config = join(root, "deno.offline.json");
      const deno = [require.resolve("deno/bin.cjs"), "run", "-A", "--no-check", "--config", config];
      const output = await execute(process.execPath, [...deno, file]);
      if (prints(example)) expect(output).not.toBe("");
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
    "@reanchor/reanchor/server": url("runtimes/server.ts"),
    "@reanchor/reanchor/client-node": url("runtimes/client-node.ts"),
    "@reanchor/reanchor/grpc": url("runtimes/grpc.ts"),
    "@reanchor/reanchor/resources": url("src/resources/index.ts"),
    "@reanchor/reanchor/manifests": url("src/manifests/index.ts"),
    "@reanchor/reanchor/testing": url("runtimes/testing.ts"),
    "@grpc/grpc-js": "npm:@grpc/grpc-js@^1",
    "@kubernetes/client-node": "npm:@kubernetes/client-node@^2",
  };
  await writeFile(importMap, JSON.stringify({ imports }));
  const config = ["--config", join(root, "deno.offline.json"), "--import-map", importMap];
  const deno = [require.resolve("deno/bin.cjs"), "test", "--doc", "-A", ...config];
  const output = await execute(process.execPath, [...deno, "src", "runtimes"]);
  const passed = Number(/(\d+) passed/.exec(output)?.[1]);
  expect(passed).toBeGreaterThanOrEqual(10);
}, 120_000);
