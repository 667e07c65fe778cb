/**
 * Makes one kubeconfig of several files by client-go's rules (`tools/clientcmd/loader.go`): the first to name
 * a cluster, a user, a context or the current context wins, whole, and paths are relative to the file that
 * they stand in.
 *
 * @module
 */

import { isWindowsPath, resolvePath } from "../../file-path.ts";
import type { Kubeconfig, NamedCluster, NamedContext, NamedUser } from "./schema.ts";

/** A kubeconfig, and where it came from. */
export interface KubeconfigFile {
  /** The folder that paths in it are relative to; `undefined` if nothing says which. */
  readonly folder: string | undefined;
  /** What to call it in messages. */
  readonly label: string;
  readonly config: Kubeconfig;
}

/** Something out of a kubeconfig, and which file it came from. */
export interface MergedEntry<Value> {
  readonly value: Value;
  /** The file's label. */
  readonly label: string;
}

/** Several kubeconfigs as one. */
export interface MergedKubeconfig {
  /** The labels of all the files, for messages. */
  readonly label: string;
  readonly clusters: ReadonlyMap<string, MergedEntry<NamedCluster["cluster"]>>;
  readonly users: ReadonlyMap<string, MergedEntry<NamedUser["user"]>>;
  readonly contexts: ReadonlyMap<string, MergedEntry<NamedContext["context"]>>;
  readonly currentContext: MergedEntry<string> | undefined;
}

/**
 * Merges kubeconfigs.
 *
 * @param files In the order of their precedence.
 */
export function mergeKubeconfigs(files: readonly KubeconfigFile[]): MergedKubeconfig {
  const clusters = new Map<string, MergedEntry<NamedCluster["cluster"]>>();
  const users = new Map<string, MergedEntry<NamedUser["user"]>>();
  const contexts = new Map<string, MergedEntry<NamedContext["context"]>>();
  let currentContext: MergedEntry<string> | undefined;
  for (const { folder, label, config } of files) {
    for (const { name, cluster } of config.clusters) {
      addFirst(clusters, name, { value: resolveCluster(cluster, folder), label });
    }
    for (const { name, user } of config.users) {
      addFirst(users, name, { value: resolveUser(user, folder), label });
    }
    for (const { name, context } of config.contexts)
      addFirst(contexts, name, { value: context, label });
    const current = config["current-context"];
    if (current) currentContext ??= { value: current, label };
  }
  const label = [...new Set(files.map((file) => file.label))].join(", ");
  return { label, clusters, users, contexts, currentContext };
}

function addFirst<Value>(
  entries: Map<string, MergedEntry<Value>>,
  name: string,
  entry: MergedEntry<Value>,
): void {
  if (!entries.has(name)) entries.set(name, entry);
}

function resolveCluster(
  cluster: NamedCluster["cluster"],
  folder: string | undefined,
): NamedCluster["cluster"] {
  if (folder === undefined || !cluster["certificate-authority"]) return cluster;
  const file = resolvePath(folder, cluster["certificate-authority"]);
  return { ...cluster, "certificate-authority": file };
}

function resolveUser(user: NamedUser["user"], folder: string | undefined): NamedUser["user"] {
  if (folder === undefined) return user;
  const resolve = (path: string | undefined): string | undefined =>
    path ? resolvePath(folder, path) : undefined;
  const { exec } = user;
  // A bare name stays one: it is looked for in PATH.
  const isPath = (isWindowsPath(folder) ? /[\\/]/ : /\//).test(exec?.command ?? "");
  return {
    ...user,
    "client-certificate": resolve(user["client-certificate"]),
    "client-key": resolve(user["client-key"]),
    tokenFile: resolve(user.tokenFile),
    exec: exec && isPath ? { ...exec, command: resolve(exec.command) } : exec,
  };
}
