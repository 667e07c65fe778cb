/**
 * The verb of kinds that have pods behind them: Services, and workloads with replicas.
 *
 * @module
 */

import type { KubeObject } from "../api/object.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import type { PortForwardOptions, PortTunnel } from "../pods/port-forward.ts";
import { type WithScale, type WithStatus, withStatus, withStatusAndScale } from "./subresource.ts";

/** The verb that Services, and workloads with replicas, have. */
export interface WithPods {
  /**
   * Returns a tunnel to a port of the pods behind it. Each connection goes to a ready pod, which is looked for
   * anew.
   *
   * @param port Its number, or its name. That of a Service is the Service's own port.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Service } from "@reanchor/reanchor/resources";
   *
   * async function forward(kube: KubeClient): Promise<number> {
   *   const tunnel = await kube.resource(Service).portForward("shop-db", 5432);
   *   const { port } = await tunnel.listen();
   *   return port; // Connect a database client to 127.0.0.1 and this port.
   * }
   * console.assert(typeof forward === "function");
   * ```
   */
  portForward(
    name: string,
    port: number | string,
    options?: PortForwardOptions,
  ): Promise<PortTunnel>;
}

/** Binds the verbs of Services. */
export function serviceVerbs<T extends KubeObject>(
  target: ResourceTarget<T>,
): WithPods & WithStatus<T> {
  return { ...withStatus(target), ...withPods(target, "service") };
}

/** Binds the verbs of workloads with replicas. */
export function workloadVerbs<T extends KubeObject>(
  target: ResourceTarget<T>,
): WithPods & WithScale & WithStatus<T> {
  return { ...withStatusAndScale(target), ...withPods(target, "workload") };
}

function withPods<T extends KubeObject>(
  target: ResourceTarget<T>,
  kind: "service" | "workload",
): WithPods {
  return {
    async portForward(name, port, options = {}) {
      // Loaded where it is used: few programs stream into pods.
      const { portForward } = await import("../pods/streams.ts");
      return await portForward(target, kind, name, port, options);
    },
  };
}
