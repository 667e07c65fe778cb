/**
 * Why a program did not start, by the operating system's codes, which Node, Bun and Deno share.
 *
 * @module
 */

import { SourceError } from "../../src/errors.ts";
import { codeOf } from "./code-of.ts";

/**
 * Says it without the runtime's own error as its cause: that may carry the arguments, or a variable's value.
 */
export function programError(command: string, error: unknown): SourceError {
  const code = codeOf(error) ?? "unknown error";
  switch (code) {
    case "ENOENT":
      return noSuchProgram(command);
    case "EACCES":
    case "EPERM":
      return new SourceError("it may not be run (is the file executable?)", "denied");
    case "E2BIG":
      return new SourceError(
        "it can't be started: its arguments or variables are too long",
        "failed",
      );
    default:
      return new SourceError(`it can't be started (${code})`, "failed");
  }
}

/** There is no program of that name or at that path. */
export function noSuchProgram(command: string): SourceError {
  return new SourceError(
    /[\\/]/.test(command)
      ? "there is no such program, or none that its first line asks for"
      : "there is no such program in PATH",
    "missing",
  );
}
