/**
 * Server-side apply that is rejected, since other field managers own some of the fields.
 *
 * @module
 */

import { ApiError, type ApiErrorDetails } from "./api-error.ts";

/** A field that another manager owns. */
export interface ApplyConflict {
  /** The field's path, as in `.data.colour`. */
  readonly field: string;
  /** Who owns it; `undefined` if the server does not say. */
  readonly manager: string | undefined;
}

/** Other field managers own some of the applied fields; `force: true` takes them over. */
export class ApplyConflictError extends ApiError {
  /** The class's name. */
  override readonly name = "ApplyConflictError";
  /** The fields, and who owns them. */
  readonly conflicts: readonly ApplyConflict[];

  /** Creates the error; callers have no need to. */
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
