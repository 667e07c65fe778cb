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
  ClientCertPem,
  ClientCertSource,
} from "../sources/client-cert-source.ts";
import type { PushListener } from "../sources/push-feed.ts";
import type { Closable } from "../sources/push-source.ts";
import type { Source, SourceOptions } from "../sources/source.ts";
import type { TokenFunction, TokenSource } from "../sources/token-source.ts";
import type { CreateFetchOptions, RotatingFetch } from "../transport/create-fetch.ts";
import type { ClusterTrustBundleOptions } from "./cluster-trust-bundle-source.ts";
import type { KubeClient } from "./client.ts";
import type { ConnectOptions } from "./connect.ts";
import type { ServiceAccountTokenOptions } from "./service-account-token-source.ts";

export { bindClusterTrustBundleSource } from "./cluster-trust-bundle-source.ts";
export { inClusterError } from "../config/in-cluster.ts";
export { inferConfig } from "../config/infer.ts";
export { bindConnect } from "./connect.ts";
export { bindServiceAccountTokenSource } from "./service-account-token-source.ts";
export { bindFileCaSource, bindFunctionCaSource } from "../sources/ca-source.ts";
export {
  bindFileClientCertSource,
  bindFunctionClientCertSource,
} from "../sources/client-cert-source.ts";
export { bindFileTokenSource, bindFunctionTokenSource } from "../sources/token-source.ts";
export {
  bindPushCaSource,
  bindPushClientCertSource,
  bindPushTokenSource,
} from "../sources/push-source.ts";
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
   * @param options Where the service account is mounted, how often it is read, and sources of your own in place of its
   * files.
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

  /**
   * A CA bundle that a stream pushes, as the SPIFFE Workload API does. It listens from the first use on, until it is
   * closed. A failure of the stream is a failed reload: the last good bundle is kept, and a later use listens again.
   * On edge, each read listens for one value.
   *
   * @param listen Passes on what the stream says.
   * @param options How often a use looks whether the stream is still there, and how long its first value may take.
   *
   * @example
   * ```ts
   * import { pushCaSource } from "@reanchor/reanchor";
   *
   * const agent = new EventTarget(); // In its place, a client of the Workload API.
   * const ca = pushCaSource(({ push, signal }) => {
   *   const onBundle = (event: Event): void => push((event as MessageEvent<string>).data);
   *   agent.addEventListener("message", onBundle, { signal });
   * });
   * // const kube = await connect({ config: await inCluster({ ca }) });
   * ca.close();
   * ```
   */
  pushCaSource(
    listen: PushListener<string | Uint8Array>,
    options?: SourceOptions,
  ): CaSource & Closable;

  /**
   * A client certificate and its key that a stream pushes, otherwise as {@link RuntimeFunctions.pushCaSource}.
   *
   * @param listen Passes on what the stream says: both of a pair at once.
   * @param options As there.
   */
  pushClientCertSource(
    listen: PushListener<ClientCertPem>,
    options?: SourceOptions,
  ): ClientCertSource & Closable;

  /**
   * A bearer token that a stream pushes, otherwise as {@link RuntimeFunctions.pushCaSource}.
   *
   * @param listen Passes on what the stream says: the token, without `Bearer`.
   * @param options As there.
   */
  pushTokenSource(listen: PushListener<string>, options?: SourceOptions): TokenSource & Closable;

  /**
   * The CAs of other services, from the ClusterTrustBundles of a signer. All that match are merged. A watch begins
   * with the first use, so that a change counts at once, and ends with `close()`. On edge, they are listed when the
   * bundle has aged. The client needs the rights to list and watch ClusterTrustBundles (Kubernetes 1.37).
   *
   * If none matches, reading fails, and the last good bundle is kept: nothing else is trusted in its place.
   *
   * @param kube A client of the cluster. It must stay open as long as the source is used.
   * @param options Which signer's, and how often they are listed.
   * @throws {TypeError} if there is no signer, or an option is unknown.
   *
   * @example
   * ```ts
   * import { clusterTrustBundleSource, connect, createFetch } from "@reanchor/reanchor";
   *
   * const kube = await connect();
   * const ca = clusterTrustBundleSource(kube, { signerName: "example.com/services" });
   * const fetch = createFetch({ ca });
   * // const response = await fetch("https://billing.shop.svc/invoices");
   * await fetch.close();
   * ca.close();
   * await kube.close();
   * ```
   */
  clusterTrustBundleSource(
    kube: KubeClient,
    options: ClusterTrustBundleOptions,
  ): CaSource & Closable;

  /**
   * Tokens of a service account, which the cluster issues (TokenRequest). A token is replaced by a use after 80 % of
   * its life, and after a 401. The client needs the right to create `serviceaccounts/token`.
   *
   * @param kube A client of the cluster. It must stay open as long as the source is used.
   * @param options Whose tokens, for whom, and how long they are valid.
   * @throws {TypeError | RangeError} if there is no name, or an option is unknown or out of range.
   *
   * @example
   * ```ts
   * import { connect, serviceAccountTokenSource } from "@reanchor/reanchor";
   *
   * const kube = await connect();
   * const token = serviceAccountTokenSource(kube, { name: "builder", audience: "registry" });
   * // const authorization = `Bearer ${await token.current()}`;
   * console.log(token.status.failures); // 0
   * await kube.close();
   * ```
   */
  serviceAccountTokenSource(kube: KubeClient, options: ServiceAccountTokenOptions): TokenSource;
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
