/**
 * The environment in which a recipe of `docs/recipes.md` is tested: a real cluster or a model, with an
 * administrator's kubeconfig.
 *
 * @module
 */

import type { KubeClient } from "../../../src/index.ts";

/** A running pod and its output. */
export interface ScenePod {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * The lines of its log. The pod ends after the last one. By default it writes nothing and keeps running.
   */
  readonly lines?: readonly string[];
}

/** The environment of one recipe. */
export interface RecipeScene {
  /** An administrator's client, in a namespace that only this scene uses. */
  readonly kube: KubeClient;
  /** The environment variables of the recipe's program, such as `KUBECONFIG`. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder that the program runs in. */
  readonly folder: string;
  /** The name of a node that only this scene uses. */
  readonly node: string;
  /** The API group of custom resources that is used only by this scene. */
  readonly group: string;
  /** Runs a pod. */
  runPod(pod: ScenePod): Promise<void>;
  /** Serves the defined custom resources, as every server does, until the signal aborts. */
  serveDefinitions(signal: AbortSignal): Promise<void>;
}
