/**
 * Prints the results of lanes, one row per lane.
 *
 * @module
 */

import { basename } from "node:path";
import type { Lane, LaneResult } from "./lanes.ts";
import { run } from "./run.ts";

/** Prints the heading of the table. */
export function printHeading(): void {
  console.log(row(["lane", "runtime", "passed", "failed", "skipped", "seconds"]));
}

/** Prints a lane's row. If the lane failed, prints its output first. */
export async function printResult(lane: Lane, result: LaneResult): Promise<void> {
  if (result.failed > 0) console.log(`\n${result.output}\n`);
  const counts = [result.passed, result.failed, result.skipped].map(String);
  console.log(row([lane.name, await readVersion(lane), ...counts, result.seconds.toFixed(1)]));
}

function row([lane = "", runtime = "", ...numbers]: readonly string[]): string {
  return [lane.padEnd(15), runtime.padEnd(19), ...numbers.map((text) => text.padStart(8))].join(
    " ",
  );
}

/** The first version number in a program's output. */
async function readVersion({ version: [command, ...rest] }: Lane): Promise<string> {
  const { output } = await run(command, rest);
  const [version = "unknown"] = /\d+(?:[.-]\d+)+/.exec(output) ?? [];
  return `${basename(command)} ${version}`;
}
