/**
 * Where a recipe of `docs/recipes.md` is tried: a cluster with an administrator's kubeconfig, real or a model.
 *
 * @module
 */

import type { KubeClient } from "../../../src/index.ts";

/** A pod that runs, and what it writes. */
export interface ScenePod {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The lines of its log; it ends after the last one. By default it writes nothing, and goes on. */
  readonly lines?: readonly string[];
}

/** What the scene of one recipe offers. */
export interface RecipeScene {
  /** An administrator's client, in a namespace that only this scene uses. */
  readonly kube: KubeClient;
  /** What the recipe's program is run with: `KUBECONFIG` and the like. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder that the program runs in. */
  readonly folder: string;
  /** The name of a node that only this scene uses. */
  readonly node: string;
  /** The API group of custom resources that only this scene defines. */
  readonly group: string;
  /** Runs a pod. */
  runPod(pod: ScenePod): Promise<void>;
  /** Serves the custom resources that are defined, as every server does, until the signal aborts. */
  serveDefinitions(signal: AbortSignal): Promise<void>;
}
