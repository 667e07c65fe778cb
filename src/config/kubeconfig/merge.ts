/**
 * Makes one kubeconfig of several files by client-go's rules (`tools/clientcmd/loader.go`): the first to name
 * a cluster, a user, a context or the current context wins, whole, and paths are relative to the file that
 * they stand in.
 *
 * @module
 */

import type { Kubeconfig, NamedCluster, NamedContext, NamedUser } from "./schema.ts";

/** A kubeconfig, and where it came from. */
export interface KubeconfigFile {
  /** The file's path; `undefined` for a text or an object that is no file's. */
  readonly path: string | undefined;
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
  for (const { path, label, config } of files) {
    for (const { name, cluster } of config.clusters) {
      addFirst(clusters, name, { value: resolveCluster(cluster, path), label });
    }
    for (const { name, user } of config.users) {
      addFirst(users, name, { value: resolveUser(user, path), label });
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
  origin: string | undefined,
): NamedCluster["cluster"] {
  if (origin === undefined || !cluster["certificate-authority"]) return cluster;
  const file = resolvePath(folderOf(origin), cluster["certificate-authority"]);
  return { ...cluster, "certificate-authority": file };
}

function resolveUser(user: NamedUser["user"], origin: string | undefined): NamedUser["user"] {
  if (origin === undefined) return user;
  const resolve = (path: string | undefined): string | undefined =>
    path ? resolvePath(folderOf(origin), path) : undefined;
  const { exec } = user;
  // A bare name stays one: it is looked for in PATH.
  const isPath = (isWindowsPath(origin) ? /[\\/]/ : /\//).test(exec?.command ?? "");
  return {
    ...user,
    "client-certificate": resolve(user["client-certificate"]),
    "client-key": resolve(user["client-key"]),
    tokenFile: resolve(user.tokenFile),
    exec: exec && isPath ? { ...exec, command: resolve(exec.command) } : exec,
  };
}

const driveOrShare = /^(?:[A-Za-z]:[\\/]|\\\\)/;

/**
 * Resolves a path by its form alone, as Go's `filepath.Join` does. A path of Windows is told by its drive or
 * its backslashes at the beginning.
 *
 * @param base The folder that it is relative to.
 * @param path What is written; an absolute one stays as it is.
 * @returns A path that has a separator in it, so that none becomes a name to be looked for in `PATH`.
 */
export function resolvePath(base: string, path: string): string {
  if (path.startsWith("/") || driveOrShare.test(path)) return path;
  const isWindows = isWindowsPath(base);
  if (isWindows && path.startsWith("\\")) return path;
  const separators = isWindows ? /[\\/]+/ : /\/+/;
  const separator = isWindows ? "\\" : "/";
  const root = (isWindows ? /^(?:[A-Za-z]:[\\/]*|[\\/]+)/ : /^\/+/).exec(base)?.[0] ?? "";
  const parts: string[] = [];
  for (const part of `${base.slice(root.length)}${separator}${path}`.split(separators)) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (root === "") parts.push(part);
  }
  const joined = parts.join(separator);
  if (root !== "") return `${root}${joined}`;
  return parts[0] === ".." ? joined : `.${separator}${joined}`;
}

function isWindowsPath(path: string): boolean {
  return driveOrShare.test(path) || (path.includes("\\") && !path.includes("/"));
}

function folderOf(path: string): string {
  const end = isWindowsPath(path)
    ? Math.max(path.lastIndexOf("\\"), path.lastIndexOf("/"))
    : path.lastIndexOf("/");
  return path.slice(0, end + 1);
}
