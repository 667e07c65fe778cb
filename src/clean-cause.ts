/**
 * What a runtime throws, made fit for a log: runtimes put URLs with their queries into messages, and whole
 * option objects, proxy passwords among them, onto errors.
 *
 * @module
 */

import { cleanMessage } from "./clean-text.ts";
import { isBranded } from "./errors.ts";

const MAX_MESSAGE = 1_000;
const MAX_DEPTH = 5;

/** A failure of a runtime or of another library, as the `cause` of an error of reanchor's. */
class ForeignError extends Error {
  /** The name of the error that it stands for. */
  override readonly name: string;
  /** The code of the error that it stands for, as in `ECONNREFUSED`; `undefined` if it has none. */
  readonly code: string | undefined;

  /** Takes over what can be shown. */
  constructor(error: Error, depth = 1) {
    const { cause } = error;
    const hasCause = cause instanceof Error && depth < MAX_DEPTH;
    super(
      cleanForeignMessage(error.message),
      hasCause ? { cause: cleanCause(cause, depth + 1) } : undefined,
    );
    this.name = error.name;
    this.code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  }
}

/**
 * What can be shown of a failure: names, codes and messages of an error and its causes, and nothing else.
 *
 * @param error What was thrown. Errors of reanchor's own are returned as they are.
 */
export function cleanCause(error: unknown, depth = 1): unknown {
  if (isBranded(error)) return error;
  return error instanceof Error
    ? new ForeignError(error, depth)
    : cleanForeignMessage(String(error));
}

/** A foreign message without control characters, queries and what is too long. */
export function cleanForeignMessage(message: string): string {
  return cleanMessage(message, MAX_MESSAGE).replace(/\?[^\s"'<>()]*/g, (query) =>
    query.length > 1 ? "" : query,
  );
}
