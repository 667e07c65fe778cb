/**
 * Every recipe of `docs/recipes.md` does what it says, at the model of the API server. `test/e2e/recipes.test.ts` runs
 * them at a real one.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { connect, staticCaSource, staticTokenSource } from "../../runtimes/node.ts";
import { CustomResourceDefinition } from "../../src/resources/index.ts";
import { connectControl } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { readRecipes } from "../support/recipes/documented.ts";
import { type ProgramRuntime, runProgram } from "../support/recipes/run-program.ts";
import { type Scenario, sceneKinds, scenarios } from "../support/recipes/scenarios.ts";
import type { RecipeScene } from "../support/recipes/scene.ts";
import { tryRecipe } from "../support/recipes/try-recipe.ts";
import { createProjectFolder } from "../support/temporary-folder.ts";

const require = createRequire(import.meta.url);
const recipes = await readRecipes();
const ca = await createCa();
const certificate = await ca.issue();
const TOKEN = "sesame";

const runtimes: readonly ProgramRuntime[] = [
  { name: "node", command: [process.execPath] },
  { name: "bun", command: [require.resolve("bun/bin/bun.exe")] },
];

/** What the model's kinds have below their objects, if that is not what the server's have. */
const subresources: Readonly<Record<string, readonly string[]>> = {
  pods: ["status", "log", "eviction"],
};

/** Opens a scene of its own, which is removed when the test ends. */
async function openScene(): Promise<RecipeScene> {
  const kinds = sceneKinds.map(({ group, version, kind, plural, namespaced, ...more }) => {
    const known = more.subresources.filter((name) =>
      ["status", "scale", "approval"].includes(name),
    );
    const below = subresources[plural] ?? known;
    return { group, version, kind, plural, namespaced, subresources: below, custom: false };
  });
  const control = connectControl(inject("controlUrl"));
  const server = await control.serve({ ...certificate, token: TOKEN, fakeApi: { kinds } });
  const kube = await connect({
    config: {
      server: server.origin,
      ca: staticCaSource(ca.pem),
      token: staticTokenSource(TOKEN),
      namespace: "default",
    },
  });
  const folder = await createProjectFolder();
  onTestFinished(async () => {
    await kube.close();
    await server.close();
  });
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, kubeconfigOf(server.origin));

  async function runPod({ name, labels, lines }: Parameters<RecipeScene["runPod"]>[0]) {
    await server.fake.put("pods", {
      metadata: { name, ...(labels !== undefined && { labels }) },
      spec: { nodeName: "node-a", containers: [{ name: "main", image: "none" }] },
      status:
        lines === undefined
          ? { phase: "Running", containerStatuses: [{ name: "main", state: { running: {} } }] }
          : {
              phase: "Succeeded",
              containerStatuses: [{ name: "main", state: { terminated: {} } }],
            },
    });
    if (lines === undefined) return;
    for (const line of lines) await server.fake.log(name, "main", line);
    await server.fake.endLog(name, "main");
  }

  async function serveDefinitions(signal: AbortSignal): Promise<void> {
    const definitions = kube.resource(CustomResourceDefinition);
    const served = new Set<string>();
    while (!signal.aborted) {
      for (const { metadata, spec } of (await definitions.list()).items) {
        if (served.has(metadata.name)) continue;
        served.add(metadata.name);
        const { group, names, scope, versions } = spec;
        const { kind, plural } = names;
        const version = versions[0]?.name ?? "";
        const namespaced = scope === "Namespaced";
        await server.fake.addKind({ group, version, kind, plural, namespaced });
        const conditions = [{ type: "Established", status: "True" }];
        await definitions.status.patch(metadata.name, { status: { conditions } });
      }
      await new Promise((resolve) => void setTimeout(resolve, 50));
    }
  }

  const environment = { KUBECONFIG: kubeconfig };
  const names = { node: "node-a", group: "example.com" };
  return { kube, environment, folder, ...names, runPod, serveDefinitions };
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    clusters: [{ name: "test", cluster: { server, "certificate-authority-data": btoa(ca.pem) } }],
    users: [{ name: "test", user: { token: TOKEN } }],
  });
}

function programOf({ title }: Scenario): string {
  const code = recipes.find((recipe) => recipe.title === title)?.code;
  if (code === undefined) throw new Error(`There is no recipe ${title}, or it has no program`);
  return code;
}

test("every recipe is tried, and is beside a command", () => {
  const tried = new Set(scenarios.map(({ title }) => title));
  expect(recipes.map(({ title }) => title)).toEqual([...tried]);
  const without = recipes.filter(({ command }) => command === "").map(({ title }) => title);
  expect(without).toEqual(["Tokens of a service account, replaced in time"]);
});

describe.each(runtimes)("at the model, on $name", (runtime) => {
  const tried = scenarios
    .filter(({ needs }) => needs === undefined)
    .map(
      (scenario) => [`${scenario.title}, ${scenario.situation ?? "as usual"}`, scenario] as const,
    );

  test.each(tried)("%s", { timeout: 180_000 }, async (_name, scenario) => {
    const scene = await openScene();
    const { folder, environment } = scene;
    const start = async (code: string) => await runProgram(code, runtime, { folder, environment });
    const code = scenario.fails === true ? 1 : 0;
    const output = await tryRecipe(scenario, scene, {
      text: programOf(scenario),
      start,
      expectedCode: code,
    });
    for (const text of scenario.output ?? []) expect(output).toMatch(text);
    await scenario.after?.(scene);
  });
});
