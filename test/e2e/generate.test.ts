/**
 * `reanchor generate`, as a program of this lane's runtime, from a cluster and from the files of its
 * CustomResourceDefinitions.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod/mini";
import { applyManifests } from "../../src/manifests/index.ts";
import { CustomResourceDefinition, crdOf, defineResource } from "../../src/resources/index.ts";
import { lane } from "../contract/support/entry.ts";
import { traits } from "../contract/support/traits.ts";
import { writeAdminKubeconfig } from "../support/admin-kubeconfig.ts";
import { connectAdmin } from "./support/admin.ts";
import { cluster } from "./support/scene.ts";
import { createFolder } from "../support/temporary-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const flags = traits.runFlags;

async function generate(...args: string[]): Promise<string> {
  const program = [...flags, "runtimes/cli.ts", "generate", ...args];
  const { stdout } = await promisify(execFile)(process.execPath, program, { cwd: root });
  return stdout;
}

test("reanchor generate writes the same from a cluster as from its CustomResourceDefinitions", async () => {
  const kube = await connectAdmin({ fieldManager: "generate-test" });
  const group = `${lane.replaceAll(/\W/g, "")}.example.com`;
  const schema = z.object({
    spec: z.object({
      size: z.int().check(z.describe("How large it is.")),
      port: z.optional(z.union([z.int(), z.string()])),
      parts: z.optional(z.array(z.object({ name: z.string(), weights: z.array(z.number()) }))),
      open: z.optional(z.looseObject({ known: z.boolean() })),
      free: z.optional(z.unknown()),
      note: z.optional(z.nullable(z.string())),
    }),
    status: z.optional(z.object({ ready: z.boolean() })),
  });
  const common = { group, version: "v1", namespaced: true, schema };
  const Anvil = defineResource({ ...common, kind: "Anvil", plural: "anvils" });
  const Barrel = defineResource({ ...common, kind: "Barrel", plural: "barrels", subresources: [] });
  const crds = [await crdOf(Anvil), await crdOf(Barrel)];
  onTestFinished(async () => {
    for (const { metadata } of crds) {
      await kube.resource(CustomResourceDefinition).delete(metadata.name);
    }
  });
  await applyManifests(kube, crds);

  const file = join(await createFolder(), "crds.json");
  await writeFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: crds }));
  const fromFile = await generate(file);
  expect(fromFile).toContain("  /** How large it is. */\n  size: number;\n");

  const kubeconfig = await writeAdminKubeconfig(cluster);
  const args = ["--cluster", "--kubeconfig", kubeconfig, "--context", "admin", "--group", group];
  // The OpenAPI documents include the definitions a moment later.
  await expect.poll(() => generate(...args).catch(String), { interval: 500 }).toBe(fromFile);
});
