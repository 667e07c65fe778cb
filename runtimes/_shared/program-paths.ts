/**
 * Where a program may be, as Go's `os/exec.LookPath` looks for it: runtimes look in the `PATH` that the program is
 * to have, and on Windows in the present folder first.
 *
 * @module
 */

import { trimEnd } from "../../src/trim-end.ts";

/** What says where programs are. */
export interface ProgramPlaces {
  readonly isWindows: boolean;
  /** This process's `PATH`. */
  readonly path: string | undefined;
  /** On Windows, this process's `PATHEXT`. */
  readonly extensions: string | undefined;
}

/**
 * The files that a command may mean, in the order in which they are tried.
 *
 * @param command A path, or a name. Folders of `PATH` that are relative are left out, so that no program of the
 * present folder is run.
 */
export function programPaths(command: string, places: ProgramPlaces): string[] {
  const { isWindows, path = "" } = places;
  if (!isWindows) {
    if (command.includes("/")) return [command];
    const folders = path.split(":").filter((folder) => folder.startsWith("/"));
    return folders.map((folder) => `${trimEnd(folder, "/")}/${command}`);
  }
  const extensions = (places.extensions || ".com;.exe;.bat;.cmd").toLowerCase().split(";");
  const isPath = /[\\/]|^[a-z]:/i.test(command);
  const folders = path
    .split(";")
    .map((folder) => folder.replace(/^"(.*)"$/, "$1"))
    .filter((folder) => /^(?:[a-z]:[\\/]|\\\\)/i.test(folder));
  const files = isPath
    ? [command]
    : folders.map((folder) => `${trimEnd(folder, "\\/")}\\${command}`);
  const added = extensions.filter((extension) => extension !== "");
  return files.flatMap((file) => {
    const withExtensions = added.map((extension) => `${file}${extension}`);
    return /\.[^.\\/]*$/.test(file) ? [file, ...withExtensions] : withExtensions;
  });
}

/** Whether a file of Windows is run by its shell. Windows ignores dots and spaces at the end of a name. */
export function isBatchFile(path: string): boolean {
  return /\.(?:bat|cmd)[. ]*$/i.test(path);
}
