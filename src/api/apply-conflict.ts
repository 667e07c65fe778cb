/**
 * Server-side apply that is refused, since others own some of the fields.
 *
 * @module
 */

import { ApiError, type ApiErrorDetails } from "./api-error.ts";

/** A field that another manager owns. */
export interface ApplyConflict {
  /** The field's path, as in `.data.colour`. */
  readonly field: string;
  /** Who owns it; `undefined` where the server does not say. */
  readonly manager: string | undefined;
}

/** Others own some of the fields that were applied; `force: true` takes them. */
export class ApplyConflictError extends ApiError {
  /** The class's name. */
  override readonly name = "ApplyConflictError";
  /** The fields, and who owns them. */
  readonly conflicts: readonly ApplyConflict[];

  /** Makes one; a caller has no need to. */
  constructor(details: ApiErrorDetails) {
    super(details);
    this.conflicts = this.causes
      .filter(({ reason }) => reason === "FieldManagerConflict")
      .map(({ field = "", message = "" }) => ({ field, manager: /"([^"]+)"/.exec(message)?.[1] }));
  }
}

/** The error that a refusal is. */
export function refusal(details: ApiErrorDetails): ApiError {
  const error = new ApiError(details);
  const isConflict = error.causes.some(({ reason }) => reason === "FieldManagerConflict");
  return isConflict ? new ApplyConflictError(details) : error;
}
