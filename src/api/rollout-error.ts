/**
 * @module
 */

import { ReanchorError } from "../errors.ts";

/**
 * A workload's state does not allow a rollout to be restarted or undone.
 *
 * @example
 * ```ts
 * import { RolloutError } from "@reanchor/reanchor/resources";
 *
 * const error = new RolloutError("Cannot undo Deployment shop/web: it has no earlier revision");
 * console.log(error.code); // ERR_REANCHOR_ROLLOUT
 * ```
 */
export class RolloutError extends ReanchorError {
  /** The class's name. */
  override readonly name = "RolloutError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_ROLLOUT";
}
