/**
 * Finds out where to connect and as whom when nobody says so.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import type { Source } from "../sources/source.ts";
import { type InClusterOptions, loadInCluster } from "./in-cluster.ts";
import { homeFolder, kubeconfigVariable } from "./kubeconfig/places.ts";

/**
 * Infers a config in the order of kubectl and client-go: `$KUBECONFIG`, `~/.kube/config`, and where there is
 * no file, what the pod knows.
 *
 * @throws {ConfigError} where nothing is found, or what is found first is bad: a kubeconfig that can't be
 * used never gives way to the pod's identity. The message lists what was looked at, in order.
 */
export async function inferConfig(
  runtime: Runtime,
  options: InClusterOptions,
): Promise<ClusterConfig | Source<ClusterConfig>> {
  const looked: string[] = [];
  if (await hasKubeconfig(runtime, looked)) {
    // Only here: a program in a pod pays for neither YAML nor schemas.
    const { loadKubeconfig } = await import("./kubeconfig/kubeconfig.ts");
    return await loadKubeconfig(runtime, options);
  }
  try {
    return await loadInCluster(runtime, options);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const message = [`Cannot find a cluster: ${looked.join("; ")}`, cause.message].join("; then ");
    throw new ConfigError(message, { cause });
  }
}

async function hasKubeconfig(runtime: Runtime, looked: string[]): Promise<boolean> {
  const listed = kubeconfigVariable(runtime);
  if (listed !== undefined) return await someExist(runtime, listed, looked);
  looked.push(notSet(runtime, "KUBECONFIG"));
  const home = homeFolder(runtime);
  if (home === undefined) {
    looked.push(notSet(runtime, "HOME"));
    return false;
  }
  return await someExist(runtime, [`${home}/.kube/config`], looked);
}

function notSet(runtime: Runtime, name: string): string {
  return runtime.isDenied("env", name)
    ? `$${name} may not be read (--allow-env=${name})`
    : `$${name} is not set`;
}

async function someExist(
  runtime: Runtime,
  paths: readonly string[],
  looked: string[],
): Promise<boolean> {
  for (const path of paths) {
    if (runtime.isDenied("read", path)) {
      looked.push(`${path} may not be read (--allow-read=${path})`);
    } else if ((await runtime.files?.exists(path)) === true) return true;
    else looked.push(`${path} is not there`);
  }
  return false;
}
