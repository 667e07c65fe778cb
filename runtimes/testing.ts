/**
 * A Kubernetes cluster in the memory of a test: no port, no container, nothing to install. It stores, lists, watches and
 * rejects as kube-apiserver does, can be made to fail, and rotates.
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

export * from "../src/testing/public-names.ts";
