/**
 * How a batch file of Windows is run. Only `cmd.exe` runs one, and it reads the whole line by its own rules, in
 * which an argument may become a command (CVE-2024-27980).
 *
 * @module
 */

import { SourceError } from "../../src/errors.ts";
import { trimEnd } from "../../src/trim-end.ts";

/** What is run in the place of a batch file. */
export interface BatchCommand {
  readonly command: string;
  /** Handed over as they are, with a space between them: they are quoted already. */
  readonly args: readonly string[];
}

/**
 * What no quotes protect: `%` and `!` name variables within them too, a quote ends them, and a line end ends the
 * command.
 */
const unsafe = /[%!"\r\n\0]/;

/**
 * Makes the command line of a batch file.
 *
 * @param systemRoot The folder of Windows; `cmd.exe` is looked for nowhere else.
 * @throws {SourceError} if the path or an argument can't be quoted. The message has neither.
 */
export function batchCommand(
  path: string,
  args: readonly string[],
  systemRoot = "C:\\Windows",
): BatchCommand {
  if (unsafe.test(path)) throw unquotable("its path");
  const index = args.findIndex((argument) => unsafe.test(argument));
  if (index !== -1) throw unquotable(`exec.args[${index}]`);
  const line = [path, ...args].map(quote).join(" ");
  return {
    command: `${trimEnd(systemRoot, "\\/")}\\System32\\cmd.exe`,
    // No AutoRun commands, no delayed expansion; /s takes off the outermost quotes and no others.
    args: ["/d", "/e:on", "/v:off", "/s", "/c", `"${line}"`],
  };
}

/** Within quotes, `cmd.exe` takes everything as it is; a backslash at the end would escape the quote for others. */
function quote(argument: string): string {
  const backslashes = argument.slice(trimEnd(argument, "\\").length);
  return `"${argument}${backslashes}"`;
}

function unquotable(what: string): SourceError {
  return new SourceError(
    `it can't be run: ${what} holds %, !, a quote or a line end, which can't be passed to a batch file safely; use an .exe as exec.command`,
    "failed",
  );
}
