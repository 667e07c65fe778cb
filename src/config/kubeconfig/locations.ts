/**
 * Which files make up the kubeconfig (client-go `tools/clientcmd/loader.go`).
 *
 * @module
 */

import { ConfigError, toUnsupportedError } from "../../errors.ts";
import { absolutePath } from "../../file-path.ts";
import type { Runtime } from "../../runtime.ts";
import { type SourceOptions, sourceOptionNames } from "../../sources/source.ts";

/** Which kubeconfig to read, and what of it to use. */
export interface KubeconfigOptions extends SourceOptions {
  /**
   * The file, which must be there; or several, of which some may be missing.
   *
   * @default what $KUBECONFIG lists, otherwise ~/.kube/config
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
  /**
   * The namespace to work in in the place of the context's.
   *
   * @default the context's; if it names none, the pod's own in a pod, as with kubectl, and else "default"
   */
  namespace?: string | undefined;
  /**
   * How long an exec plugin may take, in milliseconds: some of them wait for a person at a browser.
   *
   * @default 60_000
   */
  execTimeoutMs?: number | undefined;
}

/** Names of {@link KubeconfigOptions}, to find a misspelt one. */
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

/** What stands for no kubeconfig at all: a device, and yet as good as an empty file. */
export const EMPTY_FILE = "/dev/null";

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
 * @throws {ConfigError} if nothing says where.
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
    const written = typeof path === "string" ? [path] : [...path];
    if (written.length === 0 || written.some((each) => typeof each !== "string" || each === "")) {
      throw new TypeError(
        "Cannot use option path of kubeconfig: it is no path, nor a list of them",
      );
    }
    const paths = written.map((each) => absolutePath(runtime.files, each));
    const mustExist = typeof path === "string";
    return { paths, content: undefined, mustExist, label: paths.join(", ") };
  }
  if (runtime.files === undefined) {
    throw toUnsupportedError(
      runtime,
      `Cannot find a kubeconfig: ${runtime.name} has no file system; pass its text as the option "content"`,
    );
  }
  const { paths, variable } = usualKubeconfigs(runtime);
  if (paths.length === 0) {
    throw new ConfigError(
      variable === undefined
        ? "Cannot find a kubeconfig: neither $KUBECONFIG nor $HOME is set; pass the option path of kubeconfig"
        : "Cannot find a kubeconfig: $KUBECONFIG names no file; pass the option path of kubeconfig",
    );
  }
  const mustExist = variable === undefined;
  return { paths, content: undefined, mustExist, label: paths.join(", ") };
}

/** The files that make up the kubeconfig if nothing else is asked for. */
export interface UsualKubeconfigs {
  readonly paths: readonly string[];
  /** What `$KUBECONFIG` says, if it says anything: then nothing else counts, though it names no file. */
  readonly variable: string | undefined;
}

/** The files that `$KUBECONFIG` lists, and if it is empty or not set, `~/.kube/config`. */
export function usualKubeconfigs(runtime: Runtime): UsualKubeconfigs {
  const variable = runtime.env("KUBECONFIG") || undefined;
  const home = runtime.env("HOME") || runtime.env("USERPROFILE") || undefined;
  // A drive's colon is not a separator: on Windows the separator is a semicolon.
  const separator = runtime.env("OS") === "Windows_NT" ? ";" : ":";
  const written =
    variable?.split(separator) ?? (home === undefined ? [] : [`${home}/.kube/config`]);
  const paths = written
    .filter((path) => path !== "")
    .map((path) => absolutePath(runtime.files, path));
  return { paths: [...new Set(paths)], variable };
}
