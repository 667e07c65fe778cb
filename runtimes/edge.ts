/**
 * The client on edge runtimes: Cloudflare Workers and their like. Trust is the platform's there; the token
 * reloads.
 *
 * @module
 */

import * as core from "../src/client/entry.ts";
import type { KubeClient } from "../src/client/client.ts";
import type { ConnectOptions } from "../src/client/connect.ts";
import type { RuntimeFunctions } from "../src/client/entry.ts";
import type { Runtime } from "../src/runtime.ts";
import type { CreateFetchOptions, RotatingFetch } from "../src/transport/create-fetch.ts";
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
   * the platform gives its trust, as in `(address, options) => env.KUBE.connect(address, options)`. Without it, they
   * are WebSockets of the option `fetch`: those keep in memory what is not read yet, and end in an error beyond 64 MiB.
   * With neither, there are no such streams.
   */
  connect?: EdgeConnect | undefined;
}

/** How to make a `fetch` on edge. */
export interface EdgeCreateFetchOptions extends CreateFetchOptions, EdgeOptions {}

/** This runtime: its name and what it can do. */
export const runtime: Runtime = createEdgeRuntime({ send: (url, init) => fetch(url, init) });

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
  return await core.bindConnect(runtimeFor(options), { moreNames: ["fetch", "connect"] })(options);
}

/**
 * Makes a `fetch` over the platform's trust, with this package's retries, origins and time limits.
 *
 * @param options How connections behave; see {@link EdgeCreateFetchOptions}.
 * @returns A `fetch`, to be closed.
 * @throws {ConfigError} if a CA bundle is given, which a request can't carry here.
 */
export function createFetch(options: EdgeCreateFetchOptions = {}): RotatingFetch {
  return core.bindCreateFetch(runtimeFor(options), ["fetch"])(options);
}

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
  return createEdgeRuntime({
    send: send ?? ((url, init) => fetch(url, init)),
    isBound: send !== undefined,
    connect: open,
  });
}

/** Throws a `ConfigError` that says what to do instead; see {@link RuntimeFunctions.inCluster}. */
export const inCluster: RuntimeFunctions["inCluster"] = async () => {
  throw core.inClusterError(runtime);
};

/** Reads a kubeconfig that is given as `content`; see {@link RuntimeFunctions.kubeconfig}. */
export const kubeconfig: RuntimeFunctions["kubeconfig"] =
  /* @__PURE__ */ core.bindKubeconfig(runtime);

/** Throws a `ConfigError` that says what to do instead; see {@link RuntimeFunctions.fileCaSource}. */
export const fileCaSource: RuntimeFunctions["fileCaSource"] =
  /* @__PURE__ */ core.bindFileCaSource(runtime);

/** A CA bundle from a function; see {@link RuntimeFunctions.functionCaSource}. */
export const functionCaSource: RuntimeFunctions["functionCaSource"] =
  /* @__PURE__ */ core.bindFunctionCaSource(runtime);

/** Throws a `ConfigError` that says what to do instead; see {@link RuntimeFunctions.fileClientCertSource}. */
export const fileClientCertSource: RuntimeFunctions["fileClientCertSource"] =
  /* @__PURE__ */ core.bindFileClientCertSource(runtime);

/** A client certificate and its key from a function; see {@link RuntimeFunctions.functionClientCertSource}. */
export const functionClientCertSource: RuntimeFunctions["functionClientCertSource"] =
  /* @__PURE__ */ core.bindFunctionClientCertSource(runtime);

/** Throws a `ConfigError` that says what to do instead; see {@link RuntimeFunctions.fileTokenSource}. */
export const fileTokenSource: RuntimeFunctions["fileTokenSource"] =
  /* @__PURE__ */ core.bindFileTokenSource(runtime);

/** A bearer token from a function; see {@link RuntimeFunctions.functionTokenSource}. */
export const functionTokenSource: RuntimeFunctions["functionTokenSource"] =
  /* @__PURE__ */ core.bindFunctionTokenSource(runtime);

/** A CA bundle that a stream pushes. See {@link RuntimeFunctions.pushCaSource}. */
export const pushCaSource: RuntimeFunctions["pushCaSource"] =
  /* @__PURE__ */ core.bindPushCaSource(runtime);

/** A client certificate and its key that a stream pushes. See {@link RuntimeFunctions.pushClientCertSource}. */
export const pushClientCertSource: RuntimeFunctions["pushClientCertSource"] =
  /* @__PURE__ */ core.bindPushClientCertSource(runtime);

/** A bearer token that a stream pushes. See {@link RuntimeFunctions.pushTokenSource}. */
export const pushTokenSource: RuntimeFunctions["pushTokenSource"] =
  /* @__PURE__ */ core.bindPushTokenSource(runtime);

/** The CAs of other services, from the ClusterTrustBundles of a signer. See {@link RuntimeFunctions.clusterTrustBundleSource}. */
export const clusterTrustBundleSource: RuntimeFunctions["clusterTrustBundleSource"] =
  /* @__PURE__ */ core.bindClusterTrustBundleSource(runtime);

/** Tokens of a service account, which the cluster issues. See {@link RuntimeFunctions.serviceAccountTokenSource}. */
export const serviceAccountTokenSource: RuntimeFunctions["serviceAccountTokenSource"] =
  /* @__PURE__ */ core.bindServiceAccountTokenSource(runtime);
