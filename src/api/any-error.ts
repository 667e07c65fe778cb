/**
 * All errors of reanchor as one type.
 *
 * @module
 */

import type {
  ClosedError,
  ConfigError,
  ConnectionError,
  InvalidObjectError,
  SourceError,
  TimeoutError,
  UntrustedServerError,
  WaitFailedError,
} from "../errors.ts";
import { isBranded } from "../errors.ts";
import type { ApiError } from "./api-error.ts";
import type { DrainError } from "./drain-error.ts";
import type { ExecError } from "./exec-error.ts";
import type {
  InvalidManifestError,
  ManifestsFailedError,
  UnknownKindError,
} from "./manifest-errors.ts";
import type { RolloutError } from "./rollout-error.ts";

/** Every error that reanchor throws. Its `code` says which class it is of. */
export type AnyReanchorError =
  | ApiError
  | ClosedError
  | ConfigError
  | ConnectionError
  | InvalidManifestError
  | InvalidObjectError
  | ManifestsFailedError
  | DrainError
  | ExecError
  | RolloutError
  | SourceError
  | TimeoutError
  | UnknownKindError
  | UntrustedServerError
  | WaitFailedError;

/**
 * Whether reanchor threw an error. It is also true for errors of a second loaded copy of the package, for which
 * `instanceof` is not. A comparison of `code` then narrows the type.
 *
 * @param value What was caught.
 * @returns Whether it is an error of reanchor.
 *
 * @example
 * ```ts
 * import { ApiError, isReanchorError } from "@reanchor/reanchor";
 *
 * const error: unknown = new ApiError({ method: "GET", path: "/api", status: 404, body: "" });
 * if (isReanchorError(error) && error.code === "ERR_REANCHOR_API") {
 *   console.log(error.status, error.reason); // 404 NotFound
 * }
 * ```
 */
export function isReanchorError(value: unknown): value is AnyReanchorError {
  return isBranded(value);
}
