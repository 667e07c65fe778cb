/**
 * The entry for Node as the documentation's examples see it when they run: in a pod, whose service
 * account is where `DOCS_ROOT` says.
 *
 * @module
 */

import * as entry from "../../runtimes/node.ts";
import process from "node:process";

export * from "../../runtimes/node.ts";

/** As the entry's own, in that pod. */
export async function connect(options: entry.ConnectOptions = {}): Promise<entry.KubeClient> {
  const config = await entry.inCluster({ root: process.env["DOCS_ROOT"] });
  return await entry.connect({ config, ...options });
}

/** As the entry's own, of the one kubeconfig that there is. */
export async function kubeconfig(
  options: entry.KubeconfigOptions = {},
): Promise<entry.Source<entry.ClusterConfig>> {
  const path = `${process.env["DOCS_ROOT"]}/kubeconfig`;
  return await entry.kubeconfig(options.content === undefined ? { ...options, path } : options);
}
