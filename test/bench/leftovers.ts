/**
 * Folders that must not outlive this process, however it ends.
 *
 * @module
 */

import { rmSync } from "node:fs";
import process from "node:process";

const folders: string[] = [];

process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Removes a folder when this process ends. */
export function removeAtExit(folder: string): void {
  folders.push(folder);
}
