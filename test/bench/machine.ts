/**
 * The machine and the runtimes, in words.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { bin, root, run } from "../../tools/run.ts";

/** Says what was measured on. */
export async function describeMachine(): Promise<string> {
  const cores = availableParallelism();
  const model = cpus()[0]?.model.trim() || `an unnamed processor (${process.arch})`;
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const versions = [
    `Node ${process.versions.node}`,
    `Deno ${await versionOf("deno")}`,
    `Bun ${await versionOf("bun")}`,
    `undici ${await packageVersion("undici")}`,
    `@kubernetes/client-node ${await packageVersion("@kubernetes/client-node")}`,
  ];
  const counted = cores === 1 ? "one core" : `${cores} cores`;
  return `Measured on ${counted} of ${model}, ${memory} of memory, ${process.platform}: ${versions.join(", ")}.`;
}

async function versionOf(runtime: "deno" | "bun"): Promise<string> {
  const { output } = await run(bin(runtime), ["--version"]);
  return /\d+(?:\.\d+)+/.exec(output)?.[0] ?? "unknown";
}

async function packageVersion(name: string): Promise<string> {
  const manifest = await readFile(join(root, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
