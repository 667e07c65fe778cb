/**
 * The verb of kinds that have pods behind them: Services, and workloads with replicas.
 *
 * @module
 */

import type { KubeObject } from "../api/object.ts";
import { ObjectTarget } from "../api/object-target.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import type { PortForwardOptions, PortTunnel } from "../pods/port-forward.ts";
import { type WithRollout, withRollout } from "./rollout.ts";
import { type WithScale, type WithStatus, withStatus, withStatusAndScale } from "./subresource.ts";
import type { WorkloadLogsOptions } from "./workload-logs.ts";

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

/** The verb of workloads whose pods' logs are read together. */
export interface WithLogs {
  /**
   * Returns the lines of the logs of all its pods, each after its pod and container: one pod after the other, or with
   * `follow` as they are written. Pods that start while the log is followed are followed as well. The log of a Job
   * ends with the Job, that of another workload when it is deleted.
   *
   * @throws {ApiError} if the server rejects it.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Deployment } from "@reanchor/reanchor/resources";
   *
   * async function print(kube: KubeClient, name: string): Promise<void> {
   *   for await (const line of kube.resource(Deployment).logs(name, { follow: true })) console.log(line);
   * }
   * console.assert(typeof print === "function");
   * ```
   */
  logs(name: string, options?: WorkloadLogsOptions): AsyncGenerator<string, void, undefined>;
}

/** Binds the verbs of Services. */
export function serviceVerbs<T extends KubeObject>(
  target: ResourceTarget<T>,
): WithPods & WithStatus<T> {
  return { ...withStatus(target), ...withPods(target) };
}

/** Binds the verbs of workloads with replicas. */
export function workloadVerbs<T extends KubeObject>(
  target: ResourceTarget<T>,
): WithLogs & WithPods & WithScale & WithStatus<T> {
  return { ...withStatusAndScale(target), ...withPods(target), ...withLogs(target) };
}

/** Binds the verbs of workloads with replicas that roll out changes. */
export function rollingVerbs<T extends KubeObject>(
  target: ResourceTarget<T>,
): WithLogs & WithPods & WithRollout<T> & WithScale & WithStatus<T> {
  return { ...workloadVerbs(target), ...withRollout(target) };
}

/** Binds the verbs of DaemonSets. */
export function daemonSetVerbs<T extends KubeObject>(
  target: ResourceTarget<T>,
): WithLogs & WithPods & WithRollout<T> & WithStatus<T> {
  return {
    ...withStatus(target),
    ...withPods(target),
    ...withLogs(target),
    ...withRollout(target),
  };
}

/** Binds the verbs of Jobs. */
export function jobVerbs<T extends KubeObject>(
  target: ResourceTarget<T>,
): WithLogs & WithStatus<T> {
  return { ...withStatus(target), ...withLogs(target) };
}

function withLogs<T extends KubeObject>(target: ResourceTarget<T>): WithLogs {
  return {
    async *logs(name, options = {}) {
      const { workloadLogs } = await import("./workload-logs.ts");
      yield* workloadLogs(new ObjectTarget(target, name), options);
    },
  };
}

function withPods<T extends KubeObject>(target: ResourceTarget<T>): WithPods {
  return {
    async portForward(name, port, options = {}) {
      // Loaded where it is used: few programs stream into pods.
      const { portForward } = await import("../pods/streams.ts");
      const object = new ObjectTarget(target, name);
      return await portForward({ object, port, isSelected: true }, options);
    },
  };
}
