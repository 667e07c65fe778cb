/**
 * A Kubernetes cluster in the memory of a test: no port, no container, nothing to install. It stores, lists, watches and
 * rejects as kube-apiserver does, can be made to fail, and rotates. For programs that connect by themselves, it can also
 * listen with HTTPS.
 *
 * @example
 * ```ts
 * import { ConfigMap } from "@reanchor/reanchor/resources";
 * import { createFakeCluster } from "@reanchor/reanchor/testing";
 *
 * const fake = createFakeCluster({
 *   objects: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" } }],
 * });
 * const kube = await fake.connect();
 * await kube.resource(ConfigMap).patch("settings", { data: { colour: "blue" } });
 *
 * console.assert(fake.object(ConfigMap, "settings")?.data?.["colour"] === "blue");
 * console.assert(fake.requests[0]?.verb === "patch");
 * await fake.close();
 * ```
 *
 * @module
 */

import type { FakeCluster, FakeClusterOptions } from "../src/testing/fake-cluster-types.ts";
import { makeFakeCluster } from "../src/testing/fake-cluster.ts";
import { findServerHost } from "./_shared/fake-server-host.ts";
import { createEdgeRuntime } from "./edge/runtime.ts";

export * from "../src/testing/public-names.ts";

/**
 * Makes a cluster in memory, with the kinds and the namespaces that every cluster has.
 *
 * @param options What is in it; see {@link FakeClusterOptions}.
 * @returns The cluster, to be closed.
 * @throws {TypeError} if an object does not say what it is, has no name or that of another, or is of a kind that the
 * cluster does not have.
 *
 * @example
 * ```ts
 * import { Pod } from "@reanchor/reanchor/resources";
 * import { createFakeCluster } from "@reanchor/reanchor/testing";
 *
 * const fake = createFakeCluster();
 * const kube = await fake.connect();
 * fake.failNext({ status: 500, message: "etcd is away" }, { verb: "list", kind: Pod });
 * const error = await kube.resource(Pod).list().catch((failure: unknown) => failure);
 * console.assert(String(error).includes("etcd is away"));
 * await fake.close();
 * ```
 */
export function createFakeCluster(options: FakeClusterOptions = {}): FakeCluster {
  return makeFakeCluster({ base, findServerHost }, options);
}

/** It has no files, no programs and no environment, and is never sent anything by. */
const base = createEdgeRuntime({ send: (url, init) => fetch(url, init) });
