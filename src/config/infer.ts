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
 * no pod. The message lists what was looked at, in order.
 */
export async function inferConfig(
  runtime: Runtime,
  options: InClusterOptions,
): Promise<ClusterConfig> {
  const looked: string[] = [];
  if (lookUp(runtime, "KUBECONFIG", looked)) throw kubeconfigFound("$KUBECONFIG");
  const home = lookUp(runtime, "HOME", looked);
  const path = `${home}/.kube/config`;
  if (home && (await isThere(runtime, path, looked))) throw kubeconfigFound(path);
  try {
    return await loadInCluster(runtime, options);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const message = [`Cannot find a cluster: ${looked.join("; ")}`, cause.message].join("; then ");
    throw new ConfigError(message, { cause });
  }
}

function kubeconfigFound(where: string): ConfigError {
  return new ConfigError(
    `Cannot connect by ${where}: this release does not read kubeconfig files; unset it, or pass the option "config": what inCluster() gives for the pod's own identity, or a server, CA source and token source`,
  );
}

function lookUp(runtime: Runtime, name: string, looked: string[]): string | undefined {
  const value = runtime.env(name);
  if (value) return value;
  const isDenied = runtime.isDenied("env", name);
  looked.push(isDenied ? `$${name} may not be read (--allow-env=${name})` : `$${name} is not set`);
  return undefined;
}

async function isThere(runtime: Runtime, path: string, looked: string[]): Promise<boolean> {
  if (runtime.isDenied("read", path)) {
    looked.push(`${path} may not be read (--allow-read=${path})`);
    return false;
  }
  if ((await runtime.files?.exists(path)) === true) return true;
  looked.push(`${path} is not there`);
  return false;
}
