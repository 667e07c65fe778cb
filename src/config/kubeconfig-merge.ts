/**
 * Several kubeconfigs as one, as kubectl merges them: the first that names a thing wins, and a path belongs
 * to the folder of its own file (client-go `tools/clientcmd/loader.go`).
 *
 * @module
 */

import { SourceError } from "../errors.ts";
import type {
  Kubeconfig,
  KubeconfigCluster,
  KubeconfigContext,
  KubeconfigUser,
} from "./kubeconfig-schema.ts";

/** A kubeconfig, and where it is from. */
export interface KubeconfigFile {
  /** Its path; `undefined` where it is none of a file. */
  readonly path: string | undefined;
  /** What to call it in messages. */
  readonly label: string;
  readonly config: Kubeconfig;
}

/** An entry, and the file that it is from. */
export interface Entry<T> {
  readonly label: string;
  /** Its place in that file, as in `users[2].user`. */
  readonly path: string;
  readonly value: T;
}

/** Several kubeconfigs as one. Paths in it are absolute where their file's path is. */
export interface MergedKubeconfig {
  readonly label: string;
  readonly currentContext: string | undefined;
  readonly clusters: ReadonlyMap<string, Entry<KubeconfigCluster>>;
  readonly contexts: ReadonlyMap<string, Entry<KubeconfigContext>>;
  readonly users: ReadonlyMap<string, Entry<KubeconfigUser>>;
}

/**
 * Merges files, the first before the others.
 *
 * @throws {SourceError} where one file uses a name twice, as client-go refuses it.
 */
export function mergeKubeconfigs(files: readonly KubeconfigFile[]): MergedKubeconfig {
  const clusters = new Map<string, Entry<KubeconfigCluster>>();
  const contexts = new Map<string, Entry<KubeconfigContext>>();
  const users = new Map<string, Entry<KubeconfigUser>>();
  for (const file of files) {
    const { config } = file;
    addAll<"cluster", KubeconfigCluster>(clusters, file, "cluster", config.clusters, (cluster) =>
      resolveCluster(cluster, file),
    );
    addAll(contexts, file, "context", config.contexts, (context) => context);
    addAll(users, file, "user", config.users, (user) => resolveUser(user, file));
  }
  const currentContext = files.map(({ config }) => config["current-context"]).find(Boolean);
  return {
    label: [...new Set(files.map(({ label }) => label))].join(", "),
    currentContext: currentContext ?? undefined,
    clusters,
    contexts,
    users,
  };
}

function addAll<K extends "cluster" | "context" | "user", T extends object>(
  into: Map<string, Entry<T>>,
  { label }: KubeconfigFile,
  kind: K,
  entries: readonly ({ name: string } & { [key in K]?: T | null | undefined })[] | null | undefined,
  resolve: (value: T) => T,
): void {
  const own = new Set<string>();
  for (const [index, entry] of (entries ?? []).entries()) {
    if (own.has(entry.name)) {
      throw new SourceError(
        `${label}: ${kind}s[${index}].name is the name of another ${kind} in this file; rename one`,
        "invalid",
      );
    }
    own.add(entry.name);
    if (into.has(entry.name)) continue;
    const value = (entry[kind] ?? {}) as T;
    into.set(entry.name, { label, path: `${kind}s[${index}].${kind}`, value: resolve(value) });
  }
}

function resolveCluster(cluster: KubeconfigCluster, file: KubeconfigFile): KubeconfigCluster {
  return { ...cluster, ...resolved(cluster, ["certificate-authority"], file) };
}

function resolveUser(user: KubeconfigUser, file: KubeconfigFile): KubeconfigUser {
  const paths = resolved(user, ["client-certificate", "client-key", "tokenFile"], file);
  const { exec } = user;
  const command = exec?.command;
  // A bare name is looked for in PATH.
  if (!exec || !command || !/[\\/]/.test(command)) return { ...user, ...paths };
  return { ...user, ...paths, exec: { ...exec, command: resolvePath(file.path, command) } };
}

function resolved<T extends object, K extends keyof T>(
  entry: T,
  keys: readonly K[],
  { path }: KubeconfigFile,
): Partial<T> {
  const changed: Partial<T> = {};
  for (const key of keys) {
    const value = entry[key];
    if (typeof value === "string" && value !== "") {
      changed[key] = resolvePath(path, value) as T[K];
    }
  }
  return changed;
}

/**
 * A path by the folder of the file that names it.
 *
 * @param file `undefined` where nothing is known to resolve against: then the path stays as it is.
 */
export function resolvePath(file: string | undefined, path: string): string {
  const isAbsolute = /^(?:[\\/]|[A-Za-z]:[\\/])/.test(path);
  if (file === undefined || isAbsolute) return path;
  const folder = /^(.*[\\/])[^\\/]*$/.exec(file)?.[1] ?? "";
  return `${folder}${path}`;
}
