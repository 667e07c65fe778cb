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

/** Starts the cluster before the first test. The returned function stops it after the last one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startCluster();
  project.provide("cluster", cluster.description);
  return async () => await cluster.close();
}
