/**
 * The package as npm gets it, built from a copy of the sources: `dist/` itself may be in use by others.
 *
 * @module
 */

import { cp, mkdtemp, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { root, run } from "../../tools/run.ts";
import { removeAtExit } from "./leftovers.ts";

const sources = [
  "src",
  "runtimes",
  "tools",
  "test/support/std-fs",
  "package.json",
  "tsconfig.json",
];

/**
 * Builds it. It is there for as long as this process is.
 *
 * @returns the folder of what was built
 */
export async function buildPackage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "reanchor-bench-"));
  removeAtExit(folder);
  for (const source of sources) {
    await cp(join(root, source), join(folder, source), { recursive: true });
  }
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  const { exitCode, output } = await run(process.execPath, ["tools/build.ts"], { cwd: folder });
  if (exitCode !== 0) throw new Error(`Cannot build the package:\n${output}`);
  return join(folder, "dist");
}
