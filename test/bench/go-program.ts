/**
 * Programs in Go, where Go is installed: a server that is faster than one on Node, which is what limits the request
 * rate above some 55,000 a second, and an informer of client-go.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";
import { root, run } from "../../tools/run.ts";

/** A folder of a program. */
type GoProgram = "go-server" | "go-informer";

const built = new Map<GoProgram, Promise<string | undefined>>();

/**
 * Builds one, once. The first time, its packages are downloaded.
 *
 * @returns The program; `undefined` without Go.
 */
export async function buildGoProgram(name: GoProgram): Promise<string | undefined> {
  const building = built.get(name) ?? build(name);
  built.set(name, building);
  return await building;
}

async function build(name: GoProgram): Promise<string | undefined> {
  const cwd = `${root}test/bench/${name}`;
  if ((await run("go", ["version"], { cwd })).exitCode !== 0) return undefined;
  const program = `${root}.tmp/bench-${name}`;
  await mkdir(`${root}.tmp`, { recursive: true });
  const { exitCode, output } = await run("go", ["build", "-o", program, "."], { cwd });
  if (exitCode !== 0) throw new Error(`Cannot build ${name}:\n${output}`);
  return program;
}
