/**
 * Which files make up the kubeconfig (client-go `tools/clientcmd/loader.go`).
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import { type SourceOptions, sourceOptionNames } from "../../sources/source.ts";

/** Which kubeconfig to read, and what of it to use. */
export interface KubeconfigOptions extends SourceOptions {
  /**
   * The file, which must be there; or several, of which some may be missing.
   *
   * @default what $KUBECONFIG lists, else ~/.kube/config
   */
  path?: string | readonly string[] | undefined;
  /** The kubeconfig itself, as YAML, JSON or an object, in the place of files. */
  content?: string | object | undefined;
  /**
   * The context to use.
   *
   * @default the kubeconfig's current-context
   */
  context?: string | undefined;
  /** The cluster to use in the place of the context's. */
  cluster?: string | undefined;
  /** The user to be in the place of the context's. */
  user?: string | undefined;
  /** The namespace to work in in the place of the context's. */
  namespace?: string | undefined;
  /**
   * How long an exec plugin may take, in milliseconds: some of them wait for a person at a browser.
   *
   * @default 60_000
   */
  execTimeoutMs?: number | undefined;
}

/** Names of {@link KubeconfigOptions}, to tell a misspelt one. */
export const kubeconfigOptionNames: readonly string[] = [
  "path",
  "content",
  "context",
  "cluster",
  "user",
  "namespace",
  "execTimeoutMs",
  ...sourceOptionNames,
];

/** Where a kubeconfig is. */
export interface KubeconfigPlaces {
  readonly paths: readonly string[];
  readonly content: string | object | undefined;
  /** Whether each file must be there. */
  readonly mustExist: boolean;
  /** The files, for messages. */
  readonly label: string;
}

/**
 * Finds out where the kubeconfig is, with no look at the files.
 *
 * @throws {ConfigError} where nothing says where.
 */
export function findKubeconfigs(runtime: Runtime, options: KubeconfigOptions): KubeconfigPlaces {
  const { path, content } = options;
  if (content !== undefined) {
    if (path !== undefined) {
      throw new TypeError("Cannot use options path and content of kubeconfig together: drop one");
    }
    return { paths: [], content, mustExist: true, label: "content" };
  }
  if (path !== undefined) {
    const paths = typeof path === "string" ? [path] : [...path];
    if (paths.length === 0 || paths.some((each) => typeof each !== "string" || each === "")) {
      throw new TypeError(
        "Cannot use option path of kubeconfig: it is no path, nor a list of them",
      );
    }
    const mustExist = typeof path === "string";
    return { paths, content: undefined, mustExist, label: paths.join(", ") };
  }
  const listed = kubeconfigVariable(runtime);
  const home = homeFolder(runtime);
  const paths = listed ?? (home === undefined ? [] : [`${home}/.kube/config`]);
  if (paths.length === 0) {
    throw new ConfigError(
      "Cannot find a kubeconfig: neither $KUBECONFIG nor $HOME is set; pass the option path of kubeconfig",
    );
  }
  return { paths, content: undefined, mustExist: listed === undefined, label: paths.join(", ") };
}

/** What `$KUBECONFIG` lists; `undefined` where it lists nothing. */
export function kubeconfigVariable(runtime: Runtime): string[] | undefined {
  const value = runtime.env("KUBECONFIG");
  if (!value) return undefined;
  // A drive's colon is not a separator: on Windows the separator is a semicolon.
  const isWindows = runtime.env("OS") === "Windows_NT";
  const paths = value.split(isWindows ? ";" : ":").filter((path) => path !== "");
  return paths.length === 0 ? undefined : [...new Set(paths)];
}

/** The user's folder; `undefined` where nothing says which. */
export function homeFolder(runtime: Runtime): string | undefined {
  return runtime.env("HOME") || runtime.env("USERPROFILE") || undefined;
}
