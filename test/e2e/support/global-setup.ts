/**
 * Starts one cluster a run and tells the tests how to join it.
 *
 * @module
 */

import type { TestProject } from "vitest/node";
import { type ClusterDescription, startCluster } from "../../support/cluster.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** What {@linkcode joinCluster} needs. */
    cluster: ClusterDescription;
  }
}

/** Starts it before the first test; what is returned ends it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startCluster();
  project.provide("cluster", cluster.description);
  return async () => await cluster.close();
}
