/**
 * Paths by their form alone, those of Windows too: the core has no file system to ask.
 *
 * @module
 */

import type { Files } from "./runtime.ts";

const driveOrShare = /^(?:[A-Za-z]:[\\/]|\\\\)/;

/**
 * The absolute path of a file: a program that changes its folder later still means the same file.
 *
 * @param files Where the file is; without it, and where the folder is unknown, the path stays as it is.
 */
export function absolutePath(files: Files | undefined, path: string): string {
  const folder = files?.workingFolder();
  return folder === undefined ? path : resolvePath(folder, path);
}

/**
 * Resolves a path by its form alone, as Go's `filepath.Join` does. A Windows path is
 * recognised by its drive letter or its leading backslashes.
 *
 * @param base The folder that it is relative to.
 * @param path What is written; an absolute one stays as it is.
 * @returns A path that has a separator in it, so that none becomes a name to be looked for in `PATH`.
 */
export function resolvePath(base: string, path: string): string {
  if (path.startsWith("/") || driveOrShare.test(path)) return path;
  const isWindows = isWindowsPath(base);
  if (isWindows && path.startsWith("\\")) return path;
  const separators = isWindows ? /[\\/]+/ : /\/+/;
  const separator = isWindows ? "\\" : "/";
  const root = (isWindows ? /^(?:[A-Za-z]:[\\/]*|[\\/]+)/ : /^\/+/).exec(base)?.[0] ?? "";
  const parts: string[] = [];
  for (const part of `${base.slice(root.length)}${separator}${path}`.split(separators)) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (root === "") parts.push(part);
  }
  const joined = parts.join(separator);
  if (root !== "") return `${root}${joined}`;
  return parts[0] === ".." ? joined : `.${separator}${joined}`;
}

/** Whether a path is one of Windows, by its drive or its backslashes. */
export function isWindowsPath(path: string): boolean {
  return driveOrShare.test(path) || (path.includes("\\") && !path.includes("/"));
}

/** The folder of a file, with the separator at its end; empty for a bare name. */
export function folderOf(path: string): string {
  const end = isWindowsPath(path)
    ? Math.max(path.lastIndexOf("\\"), path.lastIndexOf("/"))
    : path.lastIndexOf("/");
  return path.slice(0, end + 1);
}
