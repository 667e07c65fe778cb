/**
 * Rollouts of workloads: restarted, waited for, and undone.
 *
 * @module
 */

import type { KubeObject, Stored } from "../api/object.ts";
import { ObjectTarget } from "../api/object-target.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import { type WriteOptions, writeNames } from "../api/verbs.ts";
import { checkKnown } from "../options.ts";
import type { WaitForOptions } from "../watch/wait-for.ts";

/** How a rollout is undone. */
export interface UndoOptions extends WriteOptions {
  /**
   * The revision to return to, as `kubectl rollout history` numbers them.
   *
   * @default the one before the current one
   */
  toRevision?: number | undefined;
}

/** The verbs of workloads that roll out changes: Deployments, StatefulSets and DaemonSets. */
export interface WithRollout<T extends KubeObject> {
  /**
   * Replaces all pods, a few at a time, as `kubectl rollout restart` does.
   *
   * @throws {RolloutError} if the rollout of a Deployment is paused.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Deployment } from "@reanchor/reanchor/resources";
   *
   * async function restart(kube: KubeClient, name: string): Promise<void> {
   *   const deployments = kube.resource(Deployment);
   *   await deployments.restart(name);
   *   await deployments.rolledOut(name, { timeoutMs: 300_000, onProgress: console.log });
   * }
   * console.assert(typeof restart === "function");
   * ```
   */
  restart(name: string, options?: WriteOptions): Promise<Stored<T>>;
  /**
   * Waits until the latest change is rolled out, by the rules of `kubectl rollout status`. `onProgress` is called
   * with texts such as `2 of 3 replicas are updated`.
   *
   * @throws {TimeoutError} after `timeoutMs` (60,000 by default). It says what is missing.
   * @throws {WaitFailedError} if a Deployment exceeds its progress deadline, or the update strategy rolls nothing
   * out.
   */
  rolledOut(name: string, options?: WaitForOptions<T>): Promise<Stored<T>>;
  /**
   * Returns to an earlier revision of the pod template, as `kubectl rollout undo` does.
   *
   * @returns The workload as it is then: unchanged, if it has that template already.
   * @throws {RolloutError} if there is no such revision, or the rollout of a Deployment is paused.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { StatefulSet } from "@reanchor/reanchor/resources";
   *
   * async function undo(kube: KubeClient, name: string): Promise<void> {
   *   await kube.resource(StatefulSet).undo(name, { toRevision: 3 });
   * }
   * console.assert(typeof undo === "function");
   * ```
   */
  undo(name: string, options?: UndoOptions): Promise<Stored<T>>;
}

/** Binds the verbs of workloads that roll out changes. What they need is loaded when one is used. */
export function withRollout<T extends KubeObject>(target: ResourceTarget<T>): WithRollout<T> {
  const named = (name: string): ObjectTarget<T> => new ObjectTarget(target, name);
  return {
    async restart(name, options = {}) {
      checkKnown("restart", options, writeNames);
      const { restartRollout } = await import("./rollout-changes.ts");
      return await restartRollout(named(name), options);
    },
    async rolledOut(name, options = {}) {
      const { waitForRollout } = await import("./rollout-changes.ts");
      return await waitForRollout(named(name), options);
    },
    async undo(name, options = {}) {
      checkKnown("undo", options, [...writeNames, "toRevision"]);
      const { undoRollout } = await import("./rollout-changes.ts");
      return await undoRollout(named(name), options);
    },
  };
}
