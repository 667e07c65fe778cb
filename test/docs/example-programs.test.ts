/**
 * The programs of `examples/controller`, `examples/wait-until-ready` and `examples/webhook`, run on each runtime as in a pod.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { type TestServer, connectControl } from "../support/api-server.ts";
import type { ApiObject } from "../../src/testing/model/objects.ts";
import { DEFAULT_KINDS } from "../../src/testing/model/served-kinds.ts";
import { type TestCa, createCa } from "../support/pki.ts";
import { type ProjectedVolume, createProjectedVolume } from "../support/projected-volume.ts";
import { createProjectFolder } from "../support/temporary-folder.ts";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));

const greetings = {
  group: "example.com",
  version: "v1",
  kind: "Greeting",
  plural: "greetings",
  namespaced: true,
};

/** How each runtime runs a program that is TypeScript. */
const runtimes = {
  node: [process.execPath],
  bun: [require.resolve("bun/bin/bun.exe")],
  // The program itself: a signal to the package's launcher would not reach it.
  deno: [
    join(dirname(require.resolve("deno/bin.cjs")), "deno"),
    "run",
    "-A",
    "--no-check",
    "--config",
    join(root, "deno.offline.json"),
  ],
} as const;

type RuntimeName = keyof typeof runtimes;
const names = Object.keys(runtimes) as RuntimeName[];

interface Pod {
  readonly ca: TestCa;
  readonly server: TestServer;
  readonly volume: ProjectedVolume;
  /** Starts an example's program in it. */
  start(runtime: RuntimeName, example: string, ...args: string[]): Promise<Program>;
}

interface Program {
  readonly child: ChildProcess;
  /** What it has printed, without what went to standard error. */
  output(): string;
}

/** Prepares a pod of a cluster that has nothing in it. */
async function createPod(): Promise<Pod> {
  const ca = await createCa();
  const server = await connectControl(inject("controlUrl")).serve({
    ...(await ca.issue()),
    token: "sesame",
    fakeApi: { kinds: [...DEFAULT_KINDS, greetings] },
  });
  const volume = await createProjectedVolume({ ca: ca.pem, token: "sesame", namespace: "default" });
  const folder = await createProjectFolder();
  onTestFinished(async () => {
    await volume.remove();
    await server.close();
  });

  async function start(runtime: RuntimeName, example: string, ...args: string[]): Promise<Program> {
    const source = await readFile(join(root, `examples/${example}/main.ts`), "utf8");
    const program = join(folder, `${example}.ts`);
    const path = (file: string): string => JSON.stringify(join(root, file));
    await writeFile(
      program,
      source
        .replace('"reanchor"', path(`test/docs/pod.${runtime}.ts`))
        .replace('"reanchor/resources"', path("src/resources/index.ts"))
        .replace('"reanchor/server"', path("runtimes/server.ts")),
    );
    const [command, ...flags] = runtimes[runtime];
    const child = spawn(command, [...flags, program, ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        KUBERNETES_SERVICE_HOST: "127.0.0.1",
        KUBERNETES_SERVICE_PORT: String(server.port),
        DOCS_ROOT: volume.root,
      },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    return { child, output: () => output };
  }

  return { ca, server, volume, start };
}

describe.each(names)("on %s", (runtime) => {
  test("examples/controller greets, again after a rotation, and ends on SIGTERM", async () => {
    const pod = await createPod();
    const { fake } = pod.server;
    await fake.put("greetings", { metadata: { name: "world" }, spec: { name: "World" } });
    const controller = await pod.start(runtime, "controller");
    const greeting = async (): Promise<unknown> => {
      const objects = (await fake.objects("configmaps")) as { data?: Record<string, string> }[];
      return objects[0]?.data?.["greeting"];
    };
    await expect.poll(greeting).toBe("Hello, World!");
    await expect.poll(controller.output).toContain("world-greeting at generation 1");

    const next = await createCa();
    await pod.volume.write({ ca: next.pem, token: "open" });
    await pod.server.swap({ ...(await next.issue()), token: "open" });
    await pod.server.dropConnections();
    await fake.put("greetings", {
      metadata: { name: "world", generation: 2 },
      spec: { name: "Moon" },
    });
    await expect.poll(greeting).toBe("Hello, Moon!");
    await expect.poll(controller.output).toContain("at generation 2");
    const [world] = await fake.objects("greetings");
    expect(world).toMatchObject({
      status: { observedGeneration: 2, configMap: "world-greeting" },
    });

    const exited = once(controller.child, "exit");
    controller.child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });

  test("examples/webhook reviews pods, and serves its new certificate", async () => {
    const pod = await createPod();
    const folder = pod.volume.root;
    const [first, second] = await Promise.all([createCa(), createCa()]);
    const write = async (ca: TestCa): Promise<void> => {
      const { cert, key } = await ca.issue();
      await writeFile(join(folder, "tls.key"), key);
      await writeFile(join(folder, "tls.crt"), cert);
    };
    await write(first);
    const webhook = await pod.start(runtime, "webhook", folder, "0", "0");
    if (runtime === "bun") {
      // It says that this runtime has no such servers.
      expect(await once(webhook.child, "exit")).toEqual([1, null]);
      return;
    }
    await expect.poll(webhook.output).toContain("listening");
    const port = Number(/port: (\d+)/.exec(webhook.output())?.[1]);
    const review = async (image: string, ca: TestCa): Promise<unknown> => {
      const asked = { uid: "1", object: { spec: { containers: [{ image }] } } };
      return await post(port, ca, JSON.stringify({ request: asked }));
    };
    expect(await review("web:1.2", first)).toMatchObject({ response: { uid: "1", allowed: true } });
    expect(await review("web:latest", first)).toMatchObject({
      response: { allowed: false, status: { message: "use a fixed tag for web:latest" } },
    });
    await write(second);
    expect(await review("web:1.2", second)).toMatchObject({ response: { allowed: true } });
    expect(webhook.output()).toContain("server-cert-reloaded");

    const exited = once(webhook.child, "exit");
    webhook.child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });

  test("examples/wait-until-ready shows pods as they change, and ends when all are ready", async () => {
    const pod = await createPod();
    const { fake } = pod.server;
    const web = (phase: string, ready: boolean): ApiObject => ({
      metadata: { name: "web", labels: { app: "web" } },
      spec: { containers: [{ name: "web", image: "web" }] },
      status: {
        phase,
        conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
        containerStatuses: [{ name: "web", ready, restartCount: 2 }],
      },
    });
    await fake.put("pods", { metadata: { name: "other", labels: { app: "other" } } });
    await fake.put("pods", web("Pending", false));
    const script = await pod.start(runtime, "wait-until-ready", "app=web");
    const exited = once(script.child, "exit");
    await expect.poll(script.output).toMatch(/web +0\/1 +Pending +2/);
    await fake.put("pods", web("Running", true));
    expect(await exited).toEqual([0, null]);
    expect(script.output().split("\n")).toEqual([
      expect.stringMatching(/^NAME +READY +STATUS +RESTARTS$/),
      expect.stringMatching(/^web +0\/1 +Pending +2$/),
      expect.stringMatching(/^web +1\/1 +Running +2$/),
      "",
    ]);
  });
});

test("examples/controller is as short as the README says", async () => {
  const source = await readFile(join(root, "examples/controller/main.ts"), "utf8");
  const readme = await readFile(join(root, "README.md"), "utf8");
  const lines = source.trimEnd().split("\n").length;
  expect(readme).toContain(`in ${lines} lines`);
  expect(lines).toBeLessThan(80);
});

test("examples/webhook is as short as the documentation says", async () => {
  const source = await readFile(join(root, "examples/webhook/main.ts"), "utf8");
  const code = source.split("\n").filter((line) => !/^\s*(?:$|\/\/|\/\*\*|\*)/.test(line));
  const page = await readFile(join(root, "docs/server.md"), "utf8");
  expect(page).toContain("is an admission webhook in forty lines");
  expect(code.length).toBeLessThanOrEqual(40);
});

/** Posts JSON to a server of this machine. */
async function post(port: number, ca: TestCa, body: string): Promise<unknown> {
  const asked = request({ host: "127.0.0.1", port, method: "POST", ca: ca.pem, agent: false });
  asked.end(body);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return await json(response);
}
