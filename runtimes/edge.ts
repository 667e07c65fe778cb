/**
 * The client on edge runtimes: Cloudflare Workers and their like. Trust is the platform's there; the token
 * reloads.
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
import { hinted, hintedAsync } from "./edge/build-hint.ts";
import { type EdgeConnect, type EdgeFetch, createEdgeRuntime } from "./edge/runtime.ts";

export * from "../src/index.ts";

export type { EdgeConnect, EdgeFetch, EdgeSocket } from "./edge/runtime.ts";

/** What edge adds to the options. */
export interface EdgeOptions {
  /**
   * What sends requests: a bound service's `fetch`, which the platform gives its trust and client
   * certificate, as in `(url, init) => env.KUBE.fetch(url, init)`.
   *
   * @default the platform's own `fetch`
   */
  fetch?: EdgeFetch | undefined;
}

/** How to connect on edge, where `config` has to be given. */
export interface EdgeConnectOptions extends ConnectOptions, EdgeOptions {
  /**
   * What opens the connections of streams into pods (exec, attach, port-forward): a bound service's `connect`, which
   * the platform gives its trust, as in `(address, options) => env.KUBE.connect(address, options)`. Without it
   * there are no such streams.
   */
  connect?: EdgeConnect | undefined;
}

/** How to make a `fetch` on edge. */
export interface EdgeCreateFetchOptions extends CreateFetchOptions, EdgeOptions {}

/** This runtime: its name and what it can do. */
export const runtime: Runtime = createEdgeRuntime((url, init) => fetch(url, init));

/**
 * Connects to a cluster by a config.
 *
 * @param options Where to connect, and how; see {@link EdgeConnectOptions}.
 * @returns A client, to be closed.
 * @throws {ConfigError} if no config is given, or it carries a CA bundle, which a request can't
 * carry here.
 * @throws {TypeError | RangeError} if an option is none.
 *
 * @example
 * ```ts
 * import { connect, functionTokenSource } from "@reanchor/reanchor/edge";
 *
 * const kube = await connect({
 *   config: {
 *     server: "https://cluster.example.com",
 *     token: functionTokenSource(() => "a token from your secret store"),
 *   },
 * });
 * // const pods = await kube.get("/api/v1/pods", { query: { limit: 500 } });
 * console.log(kube.status().token?.source); // function
 * await kube.close();
 * ```
 */
export async function connect(options: EdgeConnectOptions = {}): Promise<KubeClient> {
  const names = [...ownOptionNames, "connect"];
  return await hintedAsync(() => connectOn(runtimeFor(options), options, names));
}

/**
 * Makes a `fetch` over the platform's trust, with this package's retries, origins and time limits.
 *
 * @param options How connections behave; see {@link EdgeCreateFetchOptions}.
 * @returns A `fetch`, to be closed.
 * @throws {ConfigError} if a CA bundle is given, which a request can't carry here.
 */
export function createFetch(options: EdgeCreateFetchOptions = {}): RotatingFetch {
  return hinted(() => createFetchFor(runtimeFor(options), options, ownOptionNames));
}

const ownOptionNames: readonly (keyof EdgeOptions)[] = ["fetch"];

/** Null and the like are named by the check of the options, which is to come. */
function runtimeFor(options: EdgeConnectOptions | null): Runtime {
  const { fetch: send, connect: open } = options ?? {};
  for (const [name, given] of Object.entries({ fetch: send, connect: open })) {
    if (given === undefined || typeof given === "function") continue;
    throw new TypeError(
      `Cannot use option ${name}: it must be a function, as ${name} of a bound service`,
    );
  }
  if (send === undefined && open === undefined) return runtime;
  return createEdgeRuntime(send ?? ((url, init) => fetch(url, init)), open);
}

/**
 * Not here: an edge runtime is no pod.
 *
 * @param options As on the other runtimes.
 * @throws {ConfigError} always, saying what to do instead.
 */
export async function inCluster(options: InClusterOptions = {}): Promise<ClusterConfig> {
  return await hintedAsync(() => loadInCluster(runtime, options));
}

/**
 * Reads a kubeconfig that is given as `content`; one that names files or an exec plugin can't be used here.
 *
 * @param options The kubeconfig, and which context of it to use.
 * @returns A config for {@link connect}.
 * @throws {ConfigError} if it is bad, or names what an edge runtime has not got.
 */
export async function kubeconfig(options: KubeconfigOptions = {}): Promise<Source<ClusterConfig>> {
  // Loaded where it is used: a program in a pod pays for neither YAML nor schemas.
  const { loadKubeconfig } = await import("../src/config/kubeconfig/kubeconfig.ts");
  return await hintedAsync(() => loadKubeconfig(runtime, options));
}

/**
 * Not here: an edge runtime has no files.
 *
 * @param path As on the other runtimes.
 * @param options As on the other runtimes.
 * @throws {ConfigError} always, saying what to do instead.
 */
export function fileCaSource(path: string, options?: SourceOptions): CaSource {
  return hinted(() => createFileCaSource(runtime, path, options));
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
 * Not here: an edge runtime has no files.
 *
 * @param files As on the other runtimes.
 * @param options As on the other runtimes.
 * @throws {ConfigError} always, saying what to do instead.
 */
export function fileClientCertSource(
  files: ClientCertFiles | string,
  options?: SourceOptions,
): ClientCertSource {
  return hinted(() => createFileClientCertSource(runtime, files, options));
}

/**
 * A client certificate from a function, as on the other runtimes. Requests can't carry one here: the
 * platform holds it.
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
 * Not here: an edge runtime has no files.
 *
 * @param path As on the other runtimes.
 * @param options As on the other runtimes.
 * @throws {ConfigError} always, saying what to do instead.
 */
export function fileTokenSource(path: string, options?: SourceOptions): TokenSource {
  return hinted(() => createFileTokenSource(runtime, path, options));
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
