/**
 * The verbs that only nodes have.
 *
 * @module
 */

import type { UndrainedPod } from "../api/drain-error.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import { ObjectTarget } from "../api/object-target.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import type { LabelSelectorInput } from "../api/selectors.ts";
import { type WriteOptions, exchange, writeCall, writeNames } from "../api/verbs.ts";
import { checkKnown } from "../options.ts";
import { type WithStatus, withStatus } from "./subresource.ts";
import type { NodeUsage, TopOptions } from "./usage.ts";

/** How a node is drained. */
export interface DrainOptions {
  /**
   * Whether pods of DaemonSets are left on the node. Their DaemonSet would start them again, so they can't be
   * drained.
   *
   * @default false, which rejects the drain if there are any
   */
  ignoreDaemonSets?: boolean | undefined;
  /**
   * Whether pods with `emptyDir` volumes are evicted, although their data is lost.
   *
   * @default false, which rejects the drain if there are any
   */
  deleteEmptyDirData?: boolean | undefined;
  /**
   * Whether pods that no controller manages are evicted, although nothing starts them again.
   *
   * @default false, which rejects the drain if there are any
   */
  force?: boolean | undefined;
  /** Drains only pods with these labels. */
  labelSelector?: LabelSelectorInput | undefined;
  /** How long a pod may take to end by itself, in seconds; the pod's own time by default. */
  gracePeriodSeconds?: number | undefined;
  /**
   * Whether pods are deleted instead of evicted, which ignores PodDisruptionBudgets.
   *
   * @default false
   */
  disableEviction?: boolean | undefined;
  /** Does not wait for pods whose deletion began more than so many seconds ago. */
  skipDeletedAfterSeconds?: number | undefined;
  /** Whether the server only says what it would do. */
  dryRun?: boolean | undefined;
  /**
   * The longest that all of it may take, in milliseconds.
   *
   * @default Infinity
   */
  timeoutMs?: number | undefined;
  /** Ends the drain at once. The node stays cordoned, and evicted pods stay evicted. */
  signal?: AbortSignal | undefined;
  /** Called with each step. */
  onProgress?: ((progress: DrainProgress) => unknown) | undefined;
}

/** A step of a drain. */
export interface DrainProgress {
  /**
   * What happens to the pod: it is asked to go (`evicting`), a disruption budget holds it and it is asked again in
   * 5 s (`blocked`), it has gone (`gone`), or it is left on the node (`skipped`).
   */
  readonly type: "evicting" | "blocked" | "gone" | "skipped";
  /** The pod's namespace. */
  readonly namespace: string;
  /** The pod's name. */
  readonly name: string;
  /** Why it is blocked or skipped, or what is lost with it. */
  readonly reason?: string | undefined;
  /** How many pods have still to go. */
  readonly remaining: number;
}

/** What a drain has done. */
export interface DrainResult {
  /** The pods that are gone, as `namespace/name`. */
  readonly drained: readonly string[];
  /** The pods that were left on the node, and why. */
  readonly skipped: readonly UndrainedPod[];
}

/** The verbs that only nodes have. */
export interface NodeVerbs<T extends KubeObject> extends WithStatus<T> {
  /** Keeps new pods off a node, as `kubectl cordon` does. */
  cordon(name: string, options?: WriteOptions): Promise<Stored<T>>;
  /** Lets new pods onto a node again. */
  uncordon(name: string, options?: WriteOptions): Promise<Stored<T>>;
  /**
   * Cordons a node, evicts its pods and waits until they are gone, by the rules of `kubectl drain`: nothing is evicted
   * if a pod would need an option that is not set, and an eviction that a PodDisruptionBudget rejects is tried again
   * every 5 s.
   *
   * @throws {DrainError} if pods need an option, or could not be evicted. It names them.
   * @throws {TimeoutError} if it takes longer than `timeoutMs`.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Node } from "@reanchor/reanchor/resources";
   *
   * async function drain(kube: KubeClient, name: string): Promise<void> {
   *   await kube.resource(Node).drain(name, {
   *     ignoreDaemonSets: true,
   *     timeoutMs: 600_000,
   *     onProgress: ({ type, namespace, name: pod }) => console.log(type, `${namespace}/${pod}`),
   *   });
   * }
   * console.assert(typeof drain === "function");
   * ```
   */
  drain(name: string, options?: DrainOptions): Promise<DrainResult>;
  /**
   * Returns what each node uses now, as `kubectl top nodes` does. The cluster needs metrics-server.
   *
   * @throws {ApiError} with status 404 if the cluster has no metrics API.
   */
  top(options?: TopOptions): Promise<NodeUsage[]>;
}

/** Binds the verbs of nodes. What they need is loaded when one is used. */
export function nodeVerbs<T extends KubeObject>(target: ResourceTarget<T>): NodeVerbs<T> {
  async function setUnschedulable(
    name: string,
    unschedulable: boolean,
    options: WriteOptions,
  ): Promise<Stored<T>> {
    checkKnown(unschedulable ? "cordon" : "uncordon", options, writeNames);
    return await exchange(target, {
      ...writeCall(target, options),
      method: "PATCH",
      path: target.pathOfName(name),
      // As kubectl writes it: a node that is not cordoned does not have the field.
      body: { spec: { unschedulable: unschedulable || null } },
      contentType: "application/merge-patch+json",
    });
  }

  return {
    ...withStatus(target),
    cordon: async (name, options = {}) => await setUnschedulable(name, true, options),
    uncordon: async (name, options = {}) => await setUnschedulable(name, false, options),
    async drain(name, options = {}) {
      const { drainNode } = await import("./drain.ts");
      return await drainNode(new ObjectTarget(target, name), options);
    },
    async top(options = {}) {
      const { topNodes } = await import("./usage.ts");
      return await topNodes(target, options);
    },
  };
}
