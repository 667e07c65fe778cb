/**
 * The benchmark's command line.
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { Subject } from "./figures.ts";

/** What the benchmark was told. */
export interface BenchOptions {
  readonly help: boolean;
  readonly isQuick: boolean;
  readonly format: "table" | "markdown" | "json";
  /** The subjects to measure; all where there are none. */
  readonly only: readonly string[];
  /** The folder of a package that was built already. */
  readonly dist: string | undefined;
}

/** What `--help` prints. */
export function helpText(subjects: readonly Subject[]): string {
  const rows = subjects.map(({ name, what }) => `  ${name.padEnd(12)} ${what}`);
  return `Measures reanchor against each runtime's own fetch and against @kubernetes/client-node.

  npm run bench
  npm run bench -- --quick --only size

Options:
  --quick      few and short rounds: a smoke test
  --only NAME  one of the subjects below; may be given several times
  --json       print JSON
  --markdown   print a table for a README
  --dist DIR   measure what was built there, in the place of building the package anew
  --help       print this

Subjects:
${rows.join("\n")}

The servers are processes of their own on loopback, and so is every contender. With Go installed, the server
for request rates is one in Go, which is faster than one on Node. Contenders take turns, round
by round; a figure is the median of the ratios of each round. Close what else runs: with fewer than two free
cores the figures mean nothing.

Exit code: 0 if everything could be measured, also where a goal was missed; 1 if not; 2 for a wrong option.
NO_COLOR turns colours off.
`;
}

/**
 * Reads the command line.
 *
 * @throws {TypeError} where an option is unknown, lacks its value, or names no subject.
 */
export function readOptions(args: string[], subjects: readonly Subject[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      json: { type: "boolean", default: false },
      markdown: { type: "boolean", default: false },
      dist: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { quick, only, json, markdown, dist, help } = values;
  const unknown = only.filter((name) => !subjects.some((subject) => subject.name === name));
  if (unknown.length > 0) throw new TypeError(`There is no subject ${unknown.join(", ")}`);
  if (json && markdown) throw new TypeError("Options '--json' and '--markdown' exclude each other");
  const format = json ? "json" : markdown ? "markdown" : "table";
  return { help, isQuick: quick, format, only, dist };
}
