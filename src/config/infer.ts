/**
 * Finds out where to connect and as whom when nobody says so.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import { type InClusterOptions, loadInCluster } from "./in-cluster.ts";

/**
 * Infers a config in the order of kubectl and client-go. A kubeconfig comes first there, so where there
 * is one, the pod's identity must not be taken in its place.
 *
 * @throws {ConfigError} where a kubeconfig is configured, which this release can't read, or where this is
 * no pod.
 */
export async function inferConfig(
  runtime: Runtime,
  options: InClusterOptions,
): Promise<ClusterConfig> {
  const found = runtime.env("KUBECONFIG") ? "$KUBECONFIG" : await homeConfig(runtime);
  if (found !== undefined) {
    throw new ConfigError(
      `Cannot connect by ${found}: this release does not read kubeconfig files; unset it, or pass the option "config": what inCluster() gives for the pod's own identity, or a server, CA source and token source`,
    );
  }
  return await loadInCluster(runtime, options);
}

async function homeConfig(runtime: Runtime): Promise<string | undefined> {
  const home = runtime.env("HOME");
  if (!home || runtime.files === undefined) return undefined;
  const path = `${home}/.kube/config`;
  if (runtime.isDenied("read", path)) return undefined;
  return (await runtime.files.exists(path)) ? path : undefined;
}
