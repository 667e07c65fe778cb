/**
 * A server in Go, where Go is installed: above some 55,000 requests a second, one on Node is what limits the rate.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";
import { root, run } from "../../tools/run.ts";

let built: Promise<string | undefined> | undefined;

/**
 * Builds it, once.
 *
 * @returns The program; `undefined` without Go.
 */
export async function buildGoServer(): Promise<string | undefined> {
  return await (built ??= build());
}

async function build(): Promise<string | undefined> {
  const cwd = `${root}test/bench/go-server`;
  if ((await run("go", ["version"], { cwd })).exitCode !== 0) return undefined;
  const program = `${root}.tmp/bench-server`;
  await mkdir(`${root}.tmp`, { recursive: true });
  const { exitCode, output } = await run("go", ["build", "-o", program, "."], { cwd });
  if (exitCode !== 0) throw new Error(`Cannot build the server in Go:\n${output}`);
  return program;
}
