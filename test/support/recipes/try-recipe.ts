/**
 * Tests a recipe in a scene.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { until } from "../until.ts";
import type { RunningProgram } from "./run-program.ts";
import type { Scenario } from "./scenarios.ts";
import type { RecipeScene } from "./scene.ts";

/** A text, and the command that runs it. */
export interface Recipe {
  readonly text: string;
  readonly start: (text: string) => Promise<RunningProgram>;
  /** The exit code. Any code but 0 means failure. */
  readonly expectedCode?: number | undefined;
}

/** Runs the program that `start` creates from a text in the scene of a scenario, and returns its output. */
export async function tryRecipe(
  scenario: Scenario,
  scene: RecipeScene,
  { text, start, expectedCode = 0 }: Recipe,
): Promise<string> {
  const { kube, node, group, folder } = scene;
  const replaced: Record<string, string> = {
    '"default"': JSON.stringify(kube.namespace),
    "namespaces/default/": `namespaces/${kube.namespace}/`,
    "node-a": node,
    "example.com": group,
  };
  function adapt(given: string): string {
    return Object.entries(replaced).reduce((all, [from, to]) => all.replaceAll(from, to), given);
  }
  for (const [name, content] of Object.entries(scenario.files ?? {})) {
    await writeFile(join(folder, name), adapt(content));
  }
  Object.assign(replaced, (await scenario.prepare?.(scene)) ?? {});
  const ended = new AbortController();
  const program = await start(adapt(text));
  const exit = program.exit.finally(() => ended.abort());
  const meanwhile = scenario.meanwhile?.(scene, { output: program.output, ended: ended.signal });
  if (scenario.goesOn === true) {
    const { output = [] } = scenario;
    const isComplete = (): boolean => output.every((one) => new RegExp(one).test(program.output()));
    const complete = until("it has written all", isComplete, 120_000);
    await Promise.all([complete, meanwhile]).finally(() => program.kill());
    return program.output();
  }
  const [code] = await Promise.all([exit, meanwhile]).catch((error: unknown) => {
    throw new Error(`${String(error)}; the program wrote:\n${program.output()}`, { cause: error });
  });
  const output = program.output();
  if (expectedCode === 0) expect(code, output).toBe(0);
  else expect(code, output).not.toBe(0);
  return output;
}
