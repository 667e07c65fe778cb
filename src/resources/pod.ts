/**
 * The verbs that only pods have.
 *
 * @module
 */

import type { KubeObject } from "../api/object.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import { type ResourceDeleteOptions, deleteNames, deletionCall } from "../api/verbs.ts";
import { checkKnown } from "../options.ts";
import { type LogLinesOptions, type LogTextOptions, logLines, readLog } from "../pods/logs.ts";
import { type WithStatus, withStatus } from "./subresource.ts";

/** The verbs that only pods have. */
export interface PodVerbs<T extends KubeObject> extends WithStatus<T> {
  /**
   * Evicts a pod: deletes it if its disruption budgets allow that, as `kubectl drain` does.
   *
   * @throws {ApiError} with status 429 if a budget does not allow it now.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function evict(kube: KubeClient, name: string): Promise<void> {
   *   await kube.resource(Pod).evict(name, { gracePeriodSeconds: 30 });
   * }
   * console.assert(typeof evict === "function");
   * ```
   */
  evict(name: string, options?: ResourceDeleteOptions): Promise<void>;
  /**
   * Returns the log of a container line by line, and with `follow` the lines that are written later.
   *
   * @throws {ApiError} if the API server rejects it, for example since the container has not started.
   * @throws {TimeoutError} if no container started in time (`waitForStart`).
   * @throws {RangeError} if a line is longer than 16 MiB.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function print(kube: KubeClient, name: string): Promise<void> {
   *   for await (const line of kube.resource(Pod).logs(name, { follow: true })) console.log(line);
   * }
   * console.assert(typeof print === "function");
   * ```
   */
  logs(name: string, options?: LogLinesOptions): AsyncIterableIterator<string>;
  /** Returns the log of a container as text. Throws as {@link PodVerbs.logs}. */
  logText(name: string, options?: LogTextOptions): Promise<string>;
}

/** Binds the verbs of pods. */
export function podVerbs<T extends KubeObject>(target: ResourceTarget<T>): PodVerbs<T> {
  return {
    ...withStatus(target),
    async evict(name, deletion = {}) {
      checkKnown("evict", deletion, deleteNames);
      const { body: deleteOptions, ...call } = deletionCall(deletion);
      const path = target.below("eviction").pathOfName(name);
      const metadata = { name, namespace: target.namespace };
      const body = { apiVersion: "policy/v1", kind: "Eviction", metadata, deleteOptions };
      await target.client.call({ ...call, method: "POST", path, body });
    },
    logs: (name, log = {}) => logLines(target, target.below("log"), name, log),
    logText: async (name, log = {}) => await readLog(target.below("log"), name, log),
  };
}
