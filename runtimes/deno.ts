/**
 * The client on Deno.
 *
 * @example
 * ```ts
 * import { connect } from "@reanchor/reanchor";
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

import * as core from "../src/client/entry.ts";
import type { RuntimeFunctions } from "../src/client/entry.ts";
import type { Runtime } from "../src/runtime.ts";
import { denoRuntime } from "./deno/runtime.ts";

export * from "../src/index.ts";

/** This runtime: its name and what it can do. */
export const runtime: Runtime = denoRuntime;

/** Connects to a cluster; see {@link RuntimeFunctions.connect}. */
export const connect: RuntimeFunctions["connect"] = /* @__PURE__ */ core.bindConnect(runtime, {
  infer: core.inferConfig,
});

/** Makes a `fetch` whose trust reloads; see {@link RuntimeFunctions.createFetch}. */
export const createFetch: RuntimeFunctions["createFetch"] =
  /* @__PURE__ */ core.bindCreateFetch(runtime);

/** Reads the config of the pod that this program runs in; see {@link RuntimeFunctions.inCluster}. */
export const inCluster: RuntimeFunctions["inCluster"] = /* @__PURE__ */ core.bindInCluster(runtime);

/** Reads a kubeconfig as kubectl does, and follows its changes; see {@link RuntimeFunctions.kubeconfig}. */
export const kubeconfig: RuntimeFunctions["kubeconfig"] =
  /* @__PURE__ */ core.bindKubeconfig(runtime);

/** A CA bundle from a file that may change; see {@link RuntimeFunctions.fileCaSource}. */
export const fileCaSource: RuntimeFunctions["fileCaSource"] =
  /* @__PURE__ */ core.bindFileCaSource(runtime);

/** A CA bundle from a function; see {@link RuntimeFunctions.functionCaSource}. */
export const functionCaSource: RuntimeFunctions["functionCaSource"] =
  /* @__PURE__ */ core.bindFunctionCaSource(runtime);

/** A client certificate and its key from files that may change; see {@link RuntimeFunctions.fileClientCertSource}. */
export const fileClientCertSource: RuntimeFunctions["fileClientCertSource"] =
  /* @__PURE__ */ core.bindFileClientCertSource(runtime);

/** A client certificate and its key from a function; see {@link RuntimeFunctions.functionClientCertSource}. */
export const functionClientCertSource: RuntimeFunctions["functionClientCertSource"] =
  /* @__PURE__ */ core.bindFunctionClientCertSource(runtime);

/** A bearer token from a file that may change; see {@link RuntimeFunctions.fileTokenSource}. */
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
