/**
 * @module
 */

import { ReanchorError } from "../errors.ts";

/** A pod that was not drained. */
export interface UndrainedPod {
  /** The pod's namespace. */
  readonly namespace: string;
  /** The pod's name. */
  readonly name: string;
  /** Why it was not drained. */
  readonly reason: string;
}

/**
 * A node was not drained of all pods.
 *
 * @example
 * ```ts
 * import { DrainError } from "@reanchor/reanchor/resources";
 *
 * const pods = [{ namespace: "shop", name: "web", reason: "no controller manages it" }];
 * const error = new DrainError("Cannot drain Node a", pods);
 * console.log(error.pods.length, error.message.includes("shop/web")); // 1 true
 * ```
 */
export class DrainError extends ReanchorError {
  /** The class's name. */
  override readonly name = "DrainError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_DRAIN";
  /** The pods that are still there, and why. */
  readonly pods: readonly UndrainedPod[];

  /** Names the first pods in the message. */
  constructor(what: string, pods: readonly UndrainedPod[], options?: ErrorOptions) {
    const named = pods.slice(0, 10).map(({ namespace, name, reason }) => {
      return `${namespace}/${name}: ${reason}`;
    });
    const more = pods.length > named.length ? `; and ${pods.length - named.length} more` : "";
    super(`${what}: ${named.join("; ")}${more}`, options);
    this.pods = pods;
  }
}
