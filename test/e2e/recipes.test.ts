/**
 * Every recipe of `docs/recipes.md` at a real API server, on this runtime. The commands beside them leave the
 * same state.
 *
 * @module
 */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, onTestFinished, test } from "vitest";
import { CustomResourceDefinition, ServiceAccount } from "../../src/resources/index.ts";
import { lane } from "../contract/support/entry.ts";
import { traits } from "../contract/support/traits.ts";
import { root } from "../docs/documents.ts";
import { writeAdminKubeconfig } from "../support/admin-kubeconfig.ts";
import { readRecipes } from "../support/recipes/documented.ts";
import { readPeerPrograms } from "../support/recipes/peer-programs.ts";
import { type RunningProgram, run, runProgram } from "../support/recipes/run-program.ts";
import { type Scenario, scenarios } from "../support/recipes/scenarios.ts";
import type { RecipeScene } from "../support/recipes/scene.ts";
import { tryRecipe } from "../support/recipes/try-recipe.ts";
import { connectAdmin } from "./support/admin.ts";
import { findKubectl } from "./support/kubectl.ts";
import { createPod, shell, useNode } from "./support/pods.ts";
import { cluster } from "./support/scene.ts";
import { createProjectFolder } from "../support/temporary-folder.ts";

const recipes = new Map((await readRecipes()).map((recipe) => [recipe.title, recipe]));
const runtime = { name: lane, command: [process.execPath, ...traits.runFlags] };
const peers = await readPeerPrograms(recipes.keys());
const hasKubectl = (await findKubectl(cluster)) !== undefined;
const node = useNode("translated");

/** Opens a scene in a namespace of its own, which is removed when the test ends. */
async function openScene(): Promise<RecipeScene> {
  const kube = await connectAdmin({});
  const { namespace } = kube;
  await kube.resource(ServiceAccount).create({ metadata: { name: "default" } });
  const folder = await createProjectFolder();
  const names = { node: `node-${namespace}`, group: `${namespace}.example.com` };
  onTestFinished(removeClusterWide, 180_000);

  /** Objects that are not namespaced. */
  async function removeClusterWide(): Promise<void> {
    await cluster.admin("DELETE", `/api/v1/nodes/${names.node}`).catch(() => {});
    const definitions = kube.resource(CustomResourceDefinition);
    for (const { metadata, spec } of (await definitions.list()).items) {
      if (![names.group, "metrics.k8s.io"].includes(spec.group)) continue;
      await definitions.delete(metadata.name);
      // Other scenes have another group.
      if (spec.group !== "metrics.k8s.io") continue;
      await definitions.waitForDeleted(metadata.name, { timeoutMs: 120_000 });
    }
  }

  async function runPod({ name, labels, lines }: Parameters<RecipeScene["runPod"]>[0]) {
    const command = lines === undefined ? undefined : shell(...lines.map((line) => `echo ${line}`));
    const container = command === undefined ? {} : { command };
    await createPod({ namespace, name: "default" } as never, node(), {
      name,
      ...(labels !== undefined && { labels }),
      containers: [container],
    });
  }

  const kubeconfig = join(folder, "kubeconfig");
  const admin = JSON.parse(await readFile(await writeAdminKubeconfig(cluster), "utf8")) as {
    contexts: { context: { namespace?: string } }[];
  };
  for (const { context } of admin.contexts) context.namespace = namespace;
  await writeFile(kubeconfig, JSON.stringify(admin));
  const environment = { KUBECONFIG: kubeconfig };
  return { kube, environment, folder, ...names, runPod, serveDefinitions: async () => {} };
}

/** Runs a command as a shell does. */
function runCommand(scene: RecipeScene, command: string): RunningProgram {
  const reanchor = [...runtime.command, join(root, "runtimes/cli.ts")].join(" ");
  const environment = {
    ...scene.environment,
    KUBECTL_APPLYSET: "true",
    KUBE_EDITOR: "sed -i.old s/blue/green/",
  };
  const line = command.replaceAll("npx reanchor", reanchor);
  return run(["sh", "-ec", line], { folder: scene.folder, environment });
}

const nameOf = ({ title, situation = "as usual" }: Scenario): string => `${title}, ${situation}`;
const named = (chosen: readonly Scenario[]) => chosen.map((one) => [nameOf(one), one] as const);

describe("at a real API server", () => {
  test.each(named(scenarios))("%s", async (_name, scenario) => {
    const scene = await openScene();
    const { code, command = "" } = recipes.get(scenario.title) ?? {};
    const start = async (text: string): Promise<RunningProgram> =>
      code === undefined ? runCommand(scene, text) : await runProgram(text, runtime, scene);
    const expected = scenario.fails === true ? 1 : 0;
    const output = await tryRecipe(scenario, scene, {
      text: code ?? command,
      start,
      expectedCode: expected,
    });
    for (const text of scenario.output ?? []) expect(output).toMatch(text);
    await scenario.after?.(scene);
  });
});

// The programs that the recipes are compared with do the same.
if (lane === "node") {
  const compared = scenarios.filter(({ title }) => peers.has(title));

  describe("client-node's program for", () => {
    test.each(named(compared))("%s", async (_name, scenario) => {
      const scene = await openScene();
      const program = peers.get(scenario.title) ?? "";
      const start = async (text: string) => await runProgram(text, runtime, scene);
      const expectedCode = scenario.fails === true ? 1 : 0;
      const output = await tryRecipe(scenario, scene, { text: program, start, expectedCode });
      for (const text of scenario.output ?? []) expect(output).toMatch(text);
      await scenario.after?.(scene);
    });
  });
}

if (hasKubectl) {
  const beside = scenarios.filter(({ title, command }) => {
    return typeof command !== "string" && recipes.get(title)?.command.startsWith("kubectl");
  });

  describe("the command of", () => {
    test.each(named(beside))("%s", async (_name, scenario) => {
      const scene = await openScene();
      const { command = "" } = recipes.get(scenario.title) ?? {};
      const start = async (text: string): Promise<RunningProgram> => runCommand(scene, text);
      await tryRecipe(scenario, scene, {
        text: command,
        start,
        expectedCode: Number(scenario.command ?? 0),
      });
      if (scenario.command === undefined) await scenario.after?.(scene);
    });
  });
}
