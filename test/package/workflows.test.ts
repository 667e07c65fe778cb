/**
 * What the workflows may do: the release above all, which can publish.
 *
 * @module
 */

import { readFile, readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { root } from "./project.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = `${root}.github/workflows/`;
const texts = await Promise.all(
  (await readdir(folder)).map(
    async (name) => [name, await readFile(folder + name, "utf8")] as const,
  ),
);

describe.each(texts)("%s", (_name, text) => {
  const workflow = parse(text) as Workflow;
  const jobs = Object.values(workflow.jobs);

  test("pins each action by its commit, and says which version that is", () => {
    const uses = text.match(/uses:.*/g) ?? [];
    expect(uses.length).toBeGreaterThan(0);
    for (const one of uses)
      expect(one).toMatch(/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test("gives no job more than to read, but for a token to publish by", () => {
    for (const permissions of [workflow.permissions, ...jobs.map((job) => job.permissions ?? {})]) {
      const { "id-token": idToken, ...rest } = permissions;
      expect(idToken ?? "write").toBe("write");
      for (const scope of Object.values(rest)) expect(scope).toBe("read");
    }
    expect(workflow.permissions).not.toHaveProperty("id-token");
  });

  test("leaves no credentials behind a checkout", () => {
    for (const step of jobs.flatMap(({ steps }) => steps)) {
      if (!step.uses?.startsWith("actions/checkout@")) continue;
      expect(step.with).toHaveProperty("persist-credentials", false);
    }
  });
});

describe("release.yml", () => {
  const { jobs } = parse(Object.fromEntries(texts)["release.yml"] ?? "") as Workflow;
  const publishing = Object.entries(jobs).filter(([, job]) => job.permissions?.["id-token"]);
  const commands = (job: Job | undefined): string[] =>
    (job?.steps ?? []).flatMap(({ run }) => run ?? []);

  test("runs no code of a dependency where it can publish", () => {
    expect(publishing.map(([name]) => name).toSorted()).toEqual(["jsr", "npm"]);
    for (const command of publishing.flatMap(([, job]) => commands(job))) {
      expect(command).not.toMatch(/\bnpx\b|\.ci\/run|npm (?:run|test|pack)\b|\bnode\b/);
      if (/\bnpm\b/.test(command)) expect(command).toContain("--ignore-scripts");
    }
  });

  test("publishes to npm nothing but the tarball that another job has packed", () => {
    const { npm, pack } = jobs;
    expect(pack?.permissions).not.toHaveProperty("id-token");
    expect(commands(pack).join("\n")).toContain("npm pack");
    expect(npm?.steps.some(({ uses }) => uses?.startsWith("actions/checkout@"))).toBe(false);
    expect(commands(npm)).toEqual([
      expect.stringMatching(/^npm install --global --ignore-scripts npm@\d+\.\d+\.\d+$/),
      expect.stringContaining("sha256sum --check"),
      "npm publish ./package.tgz --ignore-scripts --provenance --access public",
    ]);
  });

  test("pins what it publishes by", () => {
    for (const { uses, with: settings } of publishing.flatMap(([, { steps }]) => steps)) {
      for (const tool of ["node", "deno"]) {
        if (!uses?.includes(`/setup-${tool}@`)) continue;
        expect(settings?.[`${tool}-version`]).toMatch(/^\d+\.\d+\.\d+$/);
      }
    }
  });
});
