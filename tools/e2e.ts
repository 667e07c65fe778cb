/**
 * Runs the end-to-end tests against a real kube-apiserver on Node, Deno and Bun, and on Node by `http: "sockets"` too:
 * `npm run test:e2e`, or `npm run test:e2e -- LANE ...` for some lanes. `--slow` runs the tests that wait for ten minutes, on all
 * runtimes in parallel. With `--if-go`, a machine without Go is not an error.
 *
 * @module
 */

import { readdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import process from "node:process";
import { type Figure, figuresFile } from "../test/e2e/support/figures.ts";
import { buildOracle, buildServers, hasGo } from "./go-programs.ts";
import { printHeading, printResult } from "./lane-table.ts";
import { type Lane, type VitestLane, vitest } from "./lanes.ts";
import { bin, root } from "./run.ts";

const CONFIG = "tools/vitest.e2e.config.ts";

const args = process.argv.slice(2);
const isSlow = args.includes("--slow");

/** A runtime, and how it runs vitest. */
type Host = Pick<VitestLane, "name" | "command" | "flags" | "options">;

const hosts: readonly Host[] = [
  { name: "e2e-node24", command: `${root}node_modules/node/bin/node` },
  { name: "e2e-deno", command: bin("deno"), flags: ["run", "-A"] },
  // As in `lanes.ts`.
  { name: "e2e-bun", command: bin("bun"), flags: ["--bun"], options: ["--pool=threads"] },
];

/** Lanes that do not run unless they are named: the code of `e2e-node24-sockets` is the same, and they take minutes. */
const onlyByName: ReadonlySet<string> = new Set(["e2e-deno-sockets", "e2e-bun-sockets"]);

/**
 * What runs in the same way with both settings of `http`: upgraded connections, and programs that choose their own
 * setting or are not ours.
 */
const sameByBoth: ReadonlySet<string> = new Set([
  "chain-verdicts.test.ts",
  "copy.test.ts",
  "crd-agreement.test.ts",
  "crds.test.ts",
  "edge.test.ts",
  "examples.test.ts",
  "exec.test.ts",
  "forward.test.ts",
  "generate.test.ts",
  "kubeconfig.test.ts",
  "recipes.test.ts",
]);
const bySockets = readdirSync(`${root}test/e2e`)
  .filter((name) => name.endsWith(".test.ts") && !sameByBoth.has(name))
  .map((name) => `test/e2e/${name}`);

const lanes: readonly Lane[] = [
  ...hosts.map((host) =>
    lane({ ...host, what: "end to end", files: [isSlow ? "test/e2e-slow/" : "test/e2e/"] }),
  ),
  ...hosts.map((host) =>
    lane({
      ...host,
      name: `${host.name}-sockets`,
      what: 'end to end by http: "sockets"',
      files: isSlow ? ["test/e2e-slow/"] : bySockets,
      env: { REANCHOR_HTTP: "sockets" },
    }),
  ),
];

function lane(parts: Omit<VitestLane, "config">): Lane {
  return vitest({ ...parts, config: CONFIG });
}

const names = args.filter((arg) => arg !== "--if-go" && arg !== "--slow");
const unknown = names.filter((name) => !lanes.some((it) => it.name === name));
if (unknown.length > 0) {
  const known = lanes.map(({ name }) => name).join(", ");
  console.error(`There is no lane ${unknown.join(", ")}; there are ${known}`);
  process.exit(2);
}
const chosen = lanes.filter(({ name }) =>
  names.length === 0 ? !onlyByName.has(name) : names.includes(name),
);

if (!(await hasGo())) {
  console.log("The end-to-end tests were not run: they need Go 1.26 or later (https://go.dev/dl).");
  process.exit(args.includes("--if-go") ? 0 : 1);
}
const failure = (await buildServers(console.log)) ?? (await buildOracle(console.log));
if (failure === undefined) await runLanes();
else {
  console.error(failure);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}

async function runLanes(): Promise<void> {
  let passed = 0;
  let failed = 0;
  if (isSlow) console.log("Waiting until tokens of ten minutes have ended: some 11 minutes");
  printHeading();
  const runLane = async (it: Lane): Promise<void> => {
    await rm(figuresFile(it.name), { force: true });
    const result = await it.run();
    await printResult(it, result);
    passed += result.passed;
    failed += result.failed;
  };
  if (isSlow) await Promise.all(chosen.map(runLane));
  else for (const it of chosen) await runLane(it);
  await printFigures();
  console.log(`\n${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

/** One row per figure, one column per lane. */
async function printFigures(): Promise<void> {
  const columns = await Promise.all(chosen.map(({ name }) => readFigures(name)));
  const whats = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  const width = Math.max(...whats.map(({ length }) => length), 0);
  const row = (what: string, cells: readonly string[]): string =>
    [
      what.padEnd(width),
      ...cells.map((cell, index) => cell.padStart(chosen[index]?.name.length ?? 0)),
    ].join("  ");
  console.log(
    `\n${row(
      "figure",
      chosen.map(({ name }) => name),
    )}`,
  );
  for (const what of whats) {
    console.log(
      row(
        what,
        columns.map((column) => column.get(what)?.toLocaleString("en") ?? "-"),
      ),
    );
  }
}

async function readFigures(name: string): Promise<Map<string, number>> {
  const text = await readFile(figuresFile(name), "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line !== "");
  const figures = lines.map((line) => JSON.parse(line) as Figure);
  return new Map(figures.map(({ what, value }) => [what, value]));
}
