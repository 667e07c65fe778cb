/**
 * A drop-in for programs that use `@kubernetes/client-node`: its `KubeConfig`, with connections that
 * survive rotations of the cluster's CA, tokens and client certificates. Node only.
 *
 * @example
 * ```ts
 * import { CoreV1Api, Watch } from "@kubernetes/client-node";
 * import { KubeConfig } from "@reanchor/reanchor/client-node";
 *
 * const config = new KubeConfig({ onEvent: (event) => console.log(event.type) });
 * config.loadFromDefault();
 * const core = config.makeApiClient(CoreV1Api);
 * const watch = new Watch(config);
 * console.log(typeof core.readNamespace, typeof watch.watch); // function function
 * await config.close();
 * ```
 *
 * @module
 */

export type { AgentStatus } from "./node/agents/tls-connections.ts";
export { KubeConfig } from "./node/client-node/kube-config.ts";
export type { KubeConfigOptions } from "./node/client-node/kube-config.ts";
