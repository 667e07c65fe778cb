/**
 * Runs the tests on every runtime: `npm test`, or `npm test -- LANE …` for some of them.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";
import process from "node:process";
import { printHeading, printResult } from "./lane-table.ts";
import { type Lane, type LaneResult, lanes } from "./lanes.ts";
import { root, run } from "./run.ts";

/** How many lanes run at the same time. */
const AT_ONCE = 2;

const args = process.argv.slice(2);
if (args.includes("--help")) {
  const rows = lanes.map(({ name, what }) => `  ${name.padEnd(16)}${what}`);
  console.log(["Usage: npm test [-- LANE ...]", "", "Lanes:", ...rows].join("\n"));
  process.exit(0);
}
const unknown = args.filter((arg) => !lanes.some(({ name }) => name === arg));
if (unknown.length > 0) {
  console.error(`There is no lane ${unknown.join(", ")}; see npm test -- --help`);
  process.exit(2);
}

const chosen = args.length === 0 ? lanes : lanes.filter(({ name }) => args.includes(name));
await mkdir(`${root}.tmp`, { recursive: true });
if (chosen.some(({ needsBuild }) => needsBuild)) {
  const { exitCode, output } = await run(process.execPath, ["tools/build.ts"]);
  if (exitCode !== 0) {
    console.error(output);
    console.log("0 passed, 1 failed");
    process.exit(1);
  }
}

const waiting = [...chosen];
let passed = 0;
let failed = 0;

async function report(lane: Lane, result: LaneResult): Promise<void> {
  passed += result.passed;
  failed += result.failed;
  await printResult(lane, result);
}

async function work(): Promise<void> {
  for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) {
    await report(lane, await lane.run());
  }
}

printHeading();
await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log(`\n${passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
