/**
 * The functions that every entry exports for its runtime.
 *
 * @module
 */

import type { ClusterConfig } from "../config/cluster-config.ts";
import { type InClusterOptions, loadInCluster } from "../config/in-cluster.ts";
import type { KubeconfigOptions } from "../config/kubeconfig/locations.ts";
import type { Runtime } from "../runtime.ts";
import type { CaFunction, CaSource } from "../sources/ca-source.ts";
import type {
  ClientCertFiles,
  ClientCertFunction,
  ClientCertSource,
} from "../sources/client-cert-source.ts";
import type { Source, SourceOptions } from "../sources/source.ts";
import type { TokenFunction, TokenSource } from "../sources/token-source.ts";
import type { CreateFetchOptions, RotatingFetch } from "../transport/create-fetch.ts";
import type { KubeClient } from "./client.ts";
import type { ConnectOptions } from "./connect.ts";

export { bindConnect } from "./connect.ts";
export { bindFileCaSource, bindFunctionCaSource } from "../sources/ca-source.ts";
export {
  bindFileClientCertSource,
  bindFunctionClientCertSource,
} from "../sources/client-cert-source.ts";
export { bindFileTokenSource, bindFunctionTokenSource } from "../sources/token-source.ts";
export { bindCreateFetch } from "../transport/create-fetch.ts";

/** The functions that `reanchor` and each of its entries for one runtime export. */
export interface RuntimeFunctions {
  /**
   * Connects to a cluster: the one in `options.config`, otherwise the one that kubectl would use, otherwise the
   * one whose pod this is. Reads trust and credentials, and opens no connection yet.
   *
   * @param options Where to connect, and how; see {@link ConnectOptions}. On edge, `config` is required.
   * @returns A client, to be closed.
   * @throws {ConfigError} if something is missing or bad; the message names each variable and file. Also if the
   * runtime can't honour an option.
   * @throws {TypeError | RangeError} if an option is unknown, or has a value that is not allowed.
   *
   * @example
   * ```ts
   * import { connect } from "@reanchor/reanchor";
   *
   * const kube = await connect({ onEvent: (event) => console.log(event.type) });
   * const pods = await kube.get("/api/v1/pods", { query: { limit: 500 } });
   * await kube.close();
   * ```
   */
  connect(options?: ConnectOptions): Promise<KubeClient>;

  /**
   * Makes a `fetch` whose CA bundle and client certificate reload, for any internal service.
   *
   * @param options Whom to trust, and how connections behave; see {@link CreateFetchOptions}.
   * @returns A `fetch`, to be closed.
   * @throws {ConfigError} if this runtime can't honour an option.
   * @throws {TypeError | RangeError} if an option is unknown, or has a value that is not allowed.
   *
   * @example
   * ```ts
   * import { createFetch, fileCaSource } from "@reanchor/reanchor";
   *
   * const fetch = createFetch({ ca: fileCaSource("/etc/internal-ca/ca.crt") });
   * // const response = await fetch("https://metrics.internal/healthz");
   * console.log(fetch.status().generations.length); // 0: the first request opens one.
   * await fetch.close();
   * ```
   */
  createFetch(options?: CreateFetchOptions): RotatingFetch;

  /**
   * Reads the config of the pod that this program runs in. `connect()` does so by itself; call this to read another
   * folder, or to change the config before you pass it on. Not on edge.
   *
   * @param options Where the service account is mounted, and how often it is read.
   * @returns A config for {@link RuntimeFunctions.connect}.
   * @throws {ConfigError} naming every variable and file that is missing or bad.
   */
  inCluster(options?: InClusterOptions): Promise<ClusterConfig>;

  /**
   * Reads a kubeconfig as kubectl does. While the program runs, the kubeconfig and the files that it names are read
   * again.
   *
   * @param options Which file, which context, and what to use in the place of what it says. On edge, its text as
   * `content`.
   * @returns A config for {@link RuntimeFunctions.connect}.
   * @throws {ConfigError} if it is missing or bad; the message names the file, the line and the field.
   *
   * @example
   * ```ts
   * import { connect, kubeconfig } from "@reanchor/reanchor";
   *
   * const config = await kubeconfig({
   *   content: {
   *     "current-context": "local",
   *     contexts: [{ name: "local", context: { cluster: "local" } }],
   *     clusters: [{ name: "local", cluster: { server: "http://127.0.0.1:8001" } }],
   *   },
   * });
   * const kube = await connect({ config });
   * console.log(kube.server); // http://127.0.0.1:8001/
   * await kube.close();
   * ```
   */
  kubeconfig(options?: KubeconfigOptions): Promise<Source<ClusterConfig>>;

  /**
   * A CA bundle from a file, which is read again when it has aged and when a server is rejected. Not on edge.
   *
   * @param path The file. It may be replaced, renamed over or written in place at any time.
   * @param options How often it is read.
   * @throws {ConfigError} if the runtime has no files.
   */
  fileCaSource(path: string, options?: SourceOptions): CaSource;

  /**
   * A CA bundle from a function, which is called again when the bundle has aged and when a server is rejected.
   *
   * @param read Returns the bundle as PEM.
   * @param options How often it is called.
   */
  functionCaSource(read: CaFunction, options?: SourceOptions): CaSource;

  /**
   * A client certificate and its key from files. They are read again when they have aged, before the certificate
   * expires, and on a 401. A certificate is never used with the key of another rotation. Not on edge.
   *
   * @param files The two files, or the path of one file that holds both the key and the chain. They may be replaced,
   * renamed over or written in place.
   * @param options How often they are read.
   * @throws {ConfigError} if the runtime has no files.
   */
  fileClientCertSource(files: ClientCertFiles | string, options?: SourceOptions): ClientCertSource;

  /**
   * A client certificate and its key from a function. It is called again when the pair has aged, before the
   * certificate expires, and on a 401. On edge, requests can't carry one: the platform holds it.
   *
   * @param read Returns the pair.
   * @param options How often it is called.
   */
  functionClientCertSource(read: ClientCertFunction, options?: SourceOptions): ClientCertSource;

  /**
   * A bearer token from a file, which is read again when it has aged, before it expires, and on a 401. Not on edge.
   *
   * @param path The file.
   * @param options How often it is read.
   * @throws {ConfigError} if the runtime has no files.
   */
  fileTokenSource(path: string, options?: SourceOptions): TokenSource;

  /**
   * A bearer token from a function, which is called again when the token has aged, before it expires, and on a 401.
   *
   * @param read Returns the token, without `Bearer`.
   * @param options How often it is called.
   */
  functionTokenSource(read: TokenFunction, options?: SourceOptions): TokenSource;
}

/** Gives `inCluster()` its runtime. */
export function bindInCluster(runtime: Runtime): RuntimeFunctions["inCluster"] {
  return (options) => loadInCluster(runtime, options);
}

/** Gives `kubeconfig()` its runtime. */
export function bindKubeconfig(runtime: Runtime): RuntimeFunctions["kubeconfig"] {
  return async (options = {}) => {
    // Loaded where it is used: a program in a pod pays for neither YAML nor schemas.
    const { loadKubeconfig } = await import("../config/kubeconfig/kubeconfig.ts");
    return await loadKubeconfig(runtime, options);
  };
}
