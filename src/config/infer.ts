/**
 * Finds out where to connect and as whom when nobody says so.
 *
 * @module
 */

import { messageOf } from "../callback.ts";
import { ConfigError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import type { Source } from "../sources/source.ts";
import { type InClusterOptions, loadInCluster } from "./in-cluster.ts";
import { EMPTY_FILE, usualKubeconfigs } from "./kubeconfig/locations.ts";

/**
 * Infers a config in the order of kubectl and client-go: `$KUBECONFIG`, `~/.kube/config`, and if there is no
 * file, or none that says anything, what the pod knows.
 *
 * @throws {ConfigError} if nothing is found, or what is found first is bad: a kubeconfig that can't be
 * used, or can't be looked at, never gives way to the pod's identity. The message lists what was looked at,
 * in order.
 */
export async function inferConfig(
  runtime: Runtime,
  options: InClusterOptions,
): Promise<ClusterConfig | Source<ClusterConfig>> {
  const looked: string[] = [];
  const found = await findFiles(runtime, looked);
  if (found.length > 0) {
    // Only here: a program in a pod pays for neither YAML nor schemas.
    const { loadUsualKubeconfig } = await import("./kubeconfig/kubeconfig.ts");
    const config = await loadUsualKubeconfig(runtime, options);
    if (config !== undefined) return config;
    looked.push(`${found.join(" and ")} ${found.length === 1 ? "is" : "are"} empty`);
  }
  try {
    return await loadInCluster(runtime, options);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const message = [`Cannot find a cluster: ${looked.join("; ")}`, cause.message].join("; then ");
    throw new ConfigError(message, { cause });
  }
}

/** The files of the kubeconfig that are there, but for the one that is always empty. */
async function findFiles(runtime: Runtime, looked: string[]): Promise<string[]> {
  const { paths, variable } = usualKubeconfigs(runtime);
  if (variable === undefined) looked.push(notSet(runtime, "KUBECONFIG"));
  if (paths.length === 0) {
    looked.push(variable === undefined ? notSet(runtime, "HOME") : "$KUBECONFIG names no file");
  }
  const found: string[] = [];
  for (const path of paths) {
    if (path === EMPTY_FILE) {
      looked.push(`${path} is empty`);
    } else if (runtime.isDenied("read", path)) {
      // Whoever names a file wants that one and no other identity; nobody has named the default.
      if (variable !== undefined) {
        throw new ConfigError(
          `Cannot read kubeconfig ${path}, which $KUBECONFIG names: grant --allow-read=${path}`,
        );
      }
      looked.push(`${path} may not be read (--allow-read=${path})`);
    } else if (await exists(runtime, path)) {
      found.push(path);
    } else {
      looked.push(`${path} is not there`);
    }
  }
  return found;
}

async function exists(runtime: Runtime, path: string): Promise<boolean> {
  try {
    return (await runtime.files?.exists(path)) === true;
  } catch (cause) {
    throw new ConfigError(`Cannot look for kubeconfig ${path}: ${messageOf(cause)}`, { cause });
  }
}

function notSet(runtime: Runtime, name: string): string {
  return runtime.isDenied("env", name)
    ? `$${name} may not be read (--allow-env=${name})`
    : `$${name} is not set`;
}
