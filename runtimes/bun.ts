/**
 * The client on Bun.
 *
 * @example
 * ```ts
 * import { connect } from "@reanchor/reanchor/bun";
 *
 * const kube = await connect();
 * try {
 *   console.log(await kube.get("/version"));
 * } finally {
 *   await kube.close();
 * }
 * ```
 *
 * @module
 */

import type { KubeClient } from "../src/client/client.ts";
import { type ConnectOptions, connectOn } from "../src/client/connect.ts";
import type { ClusterConfig } from "../src/config/cluster-config.ts";
import { type InClusterOptions, loadInCluster } from "../src/config/in-cluster.ts";
import type { Runtime } from "../src/runtime.ts";
import {
  type CaFunction,
  type CaSource,
  createFileCaSource,
  createFunctionCaSource,
} from "../src/sources/ca-source.ts";
import type { KubeconfigOptions } from "../src/config/kubeconfig/locations.ts";
import {
  type ClientCertFiles,
  type ClientCertFunction,
  type ClientCertSource,
  createFileClientCertSource,
  createFunctionClientCertSource,
} from "../src/sources/client-cert-source.ts";
import type { Source, SourceOptions } from "../src/sources/source.ts";
import {
  type TokenFunction,
  type TokenSource,
  createFileTokenSource,
  createFunctionTokenSource,
} from "../src/sources/token-source.ts";
import {
  type CreateFetchOptions,
  type RotatingFetch,
  createFetchFor,
} from "../src/transport/create-fetch.ts";
import { requireBun } from "./_shared/present-runtime.ts";
import { bunRuntime } from "./bun/runtime.ts";

export * from "../src/index.ts";

/** This runtime: its name and what it can do. */
export const runtime: Runtime = bunRuntime;

/**
 * Connects to a cluster: the given one, or the one that kubectl would take: a kubeconfig's, or where there
 * is none, the one whose pod this is. Reads trust and credentials, and opens no connection yet.
 *
 * @param options Where to connect, and how; see {@link ConnectOptions}.
 * @returns A client, to be closed.
 * @throws {ConfigError} if something is missing or bad; the message names each variable and file.
 * @throws {TypeError | RangeError} if an option is none.
 *
 * @example
 * ```ts
 * import { connect } from "@reanchor/reanchor/bun";
 *
 * const kube = await connect({ onEvent: (event) => console.log(event.type) });
 * const pods = await kube.get("/api/v1/pods", { query: { limit: 500 } });
 * await kube.close();
 * ```
 */
export async function connect(options: ConnectOptions = {}): Promise<KubeClient> {
  requireBun();
  return await connectOn(runtime, options);
}

/**
 * Makes a `fetch` whose CA bundle reloads, for any internal service: the trust layer alone.
 *
 * @param options Whom to trust, and how connections behave; see {@link CreateFetchOptions}.
 * @returns A `fetch`, to be closed.
 * @throws {ConfigError} if this runtime can't honour an option.
 *
 * @example
 * ```ts
 * import { createFetch, fileCaSource } from "@reanchor/reanchor/bun";
 *
 * const fetch = createFetch({ ca: fileCaSource("/etc/internal-ca/ca.crt") });
 * // const response = await fetch("https://metrics.internal/healthz");
 * console.log(fetch.status().generations.length); // 0: the first request opens one.
 * await fetch.close();
 * ```
 */
export function createFetch(options: CreateFetchOptions = {}): RotatingFetch {
  requireBun();
  return createFetchFor(runtime, options);
}

/**
 * Reads the config of the pod that this runs in, to connect by it explicitly or with another root.
 *
 * @param options Where the service account is mounted, and how often it is read.
 * @returns A config for {@link connect}.
 * @throws {ConfigError} naming every variable and file that is missing or bad.
 */
export async function inCluster(options: InClusterOptions = {}): Promise<ClusterConfig> {
  return await loadInCluster(runtime, options);
}

/**
 * Reads a kubeconfig as kubectl does, and again while the program runs: files that it names and the
 * kubeconfig itself may change at any time.
 *
 * @param options Which file, which context, and what to use in the place of what it says.
 * @returns A config for {@link connect}.
 * @throws {ConfigError} if it is missing or bad; the message names the file, the line and the field.
 *
 * @example
 * ```ts
 * import { connect, kubeconfig } from "@reanchor/reanchor/bun";
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
export async function kubeconfig(options: KubeconfigOptions = {}): Promise<Source<ClusterConfig>> {
  // Loaded where it is used: a program in a pod pays for neither YAML nor schemas.
  const { loadKubeconfig } = await import("../src/config/kubeconfig/kubeconfig.ts");
  return await loadKubeconfig(runtime, options);
}

/**
 * A CA bundle from a file that is read again as it ages and when a server is rejected.
 *
 * @param path The file. It may be swapped, renamed over or written in place at any time.
 * @param options How often it is read.
 */
export function fileCaSource(path: string, options?: SourceOptions): CaSource {
  return createFileCaSource(runtime, path, options);
}

/**
 * A CA bundle from a function, which is called as the bundle ages and when a server is rejected.
 *
 * @param read Gives the bundle as PEM.
 * @param options How often it is called.
 */
export function functionCaSource(read: CaFunction, options?: SourceOptions): CaSource {
  return createFunctionCaSource(runtime, read, options);
}

/**
 * A client certificate and its key from files that are read again as they age, before the certificate
 * expires, and on a 401; never one of before a rotation with one of after it.
 *
 * @param files The two files, or the path of one that holds both: a credential bundle of key and chain. They may
 * be swapped, renamed over or written in place.
 * @param options How often they are read.
 */
export function fileClientCertSource(
  files: ClientCertFiles | string,
  options?: SourceOptions,
): ClientCertSource {
  return createFileClientCertSource(runtime, files, options);
}

/**
 * A client certificate and its key from a function, which is called as the pair ages, before the
 * certificate expires, and on a 401.
 *
 * @param read Gives the pair.
 * @param options How often it is called.
 */
export function functionClientCertSource(
  read: ClientCertFunction,
  options?: SourceOptions,
): ClientCertSource {
  return createFunctionClientCertSource(runtime, read, options);
}

/**
 * A bearer token from a file that is read again as it ages, before it expires, and on a 401.
 *
 * @param path The file.
 * @param options How often it is read.
 */
export function fileTokenSource(path: string, options?: SourceOptions): TokenSource {
  return createFileTokenSource(runtime, path, options);
}

/**
 * A bearer token from a function, which is called as the token ages, before it expires, and on a 401.
 *
 * @param read Gives the token, without `Bearer`.
 * @param options How often it is called.
 */
export function functionTokenSource(read: TokenFunction, options?: SourceOptions): TokenSource {
  return createFunctionTokenSource(runtime, read, options);
}
