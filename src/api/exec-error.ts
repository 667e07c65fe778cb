/**
 * @module
 */

import { cleanMessage } from "../clean-text.ts";
import { ReanchorError } from "../errors.ts";

/** What a command wrote, and how it ended. */
export interface ExecResult {
  /** What it wrote on standard output. */
  readonly stdout: string;
  /** What it wrote on standard error. */
  readonly stderr: string;
  /** Its exit code. */
  readonly code: number;
}

/**
 * A command in a container ended with another exit code than 0.
 *
 * @example
 * ```ts
 * import { ExecError } from "@reanchor/reanchor/resources";
 *
 * const error = new ExecError("Cannot run ls", { stdout: "", stderr: "no such file\n", code: 1 });
 * console.log(error.exitCode, error.stderr); // 1 "no such file\n"
 * ```
 */
export class ExecError extends ReanchorError {
  /** The class's name. */
  override readonly name = "ExecError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_EXEC";
  /** The command's exit code. */
  readonly exitCode: number;
  /** What it wrote on standard output. */
  readonly stdout: string;
  /** What it wrote on standard error. */
  readonly stderr: string;

  /** Makes one; a caller has no need to. */
  constructor(what: string, { stdout, stderr, code }: ExecResult) {
    const said = cleanMessage(stderr.trim().replace(/\s+/g, " "), 500);
    super(`${what}: it ended with exit code ${code}${said && `: ${said}`}`);
    this.exitCode = code;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}
