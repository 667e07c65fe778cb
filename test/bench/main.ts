/**
 * The benchmark: see `--help`.
 *
 * @module
 */

import { resolve } from "node:path";
import process from "node:process";
import { buildPackage } from "./built-package.ts";
import { measureExec } from "./exec.ts";
import { type BenchContext, type Figure, LeftOutError, type Subject } from "./figures.ts";
import { measureInformer } from "./informer.ts";
import { measureLargeInformer } from "./large-informer.ts";
import { measureList } from "./list.ts";
import { describeMachine } from "./machine.ts";
import { measureMemory } from "./memory.ts";
import { type BenchOptions, helpText, readOptions } from "./options.ts";
import { type Progress, createProgress } from "./progress.ts";
import { measurePorts } from "./port-forward.ts";
import { measureProtocols } from "./protocols.ts";
import { measureReloads } from "./reloads.ts";
import { type PaintVerdict, type Report, drawMarkdown, drawTable, toJson } from "./report.ts";
import { measureRotations } from "./rotations.ts";
import { measureSize } from "./size.ts";
import { measureSources } from "./sources.ts";
import { measureStartUp } from "./start-up.ts";
import { measureAgainstPeer, measureAgainstRuntimes } from "./throughput.ts";

const FAILURE = 1;
const USAGE = 2;

const subjects: readonly Subject[] = [
  {
    name: "size",
    what: "each entry, bundled and gzipped, and what a pod loads of it",
    measure: measureSize,
  },
  {
    name: "throughput",
    what: "requests a second against each runtime's own fetch",
    measure: measureAgainstRuntimes,
  },
  {
    name: "peer",
    what: "requests a second against client-node",
    measure: measureAgainstPeer,
  },
  { name: "protocols", what: "HTTP/2 against HTTP/1.1 on Node", measure: measureProtocols },
  { name: "sources", what: "a use of a fresh CA bundle or token", measure: measureSources },
  { name: "reloads", what: "what changed bundles leave behind", measure: measureReloads },
  { name: "rotations", what: "rotations with and without overlap", measure: measureRotations },
  { name: "start-up", what: "from nothing to the first answer", measure: measureStartUp },
  { name: "memory", what: "a connected client against client-node's", measure: measureMemory },
  { name: "list", what: "one list of 10,000 pods", measure: measureList },
  { name: "informer", what: "an informer against client-node's", measure: measureInformer },
  {
    name: "large-informer",
    what: "an informer of 50,000 pods against client-go's; left out without Go",
    measure: measureLargeInformer,
  },
  {
    name: "exec",
    what: "commands in pods against kubectl and client-node; needs Go and kubectl",
    measure: measureExec,
  },
  {
    name: "ports",
    what: "forwarded ports against kubectl; needs Go and kubectl",
    measure: measurePorts,
  },
];

process.exitCode = await main();

async function main(): Promise<number> {
  let options: BenchOptions;
  try {
    options = readOptions(process.argv.slice(2), subjects);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}; see npm run bench -- --help\n`);
    return USAGE;
  }
  if (options.help) {
    process.stdout.write(helpText(subjects));
    return 0;
  }
  const progress = createProgress(process.stderr);
  const failures: string[] = [];
  const report = await measureAll(options, progress, failures);
  progress.end();
  process.stdout.write(draw(options, report));
  for (const failure of failures) process.stderr.write(`${failure}\n`);
  return failures.length === 0 ? 0 : FAILURE;
}

async function measureAll(
  { only, isQuick, dist }: BenchOptions,
  progress: Progress,
  failures: string[],
): Promise<Report> {
  if (dist === undefined) progress.say("building the package");
  const context: BenchContext = {
    dist: dist === undefined ? await buildPackage() : resolve(dist),
    isQuick,
    say: (text) => progress.say(text),
  };
  const chosen = subjects.filter(({ name }) => only.length === 0 || only.includes(name));
  const measured: { name: string; figures: Figure[] }[] = [];
  const leftOut: { name: string; reason: string }[] = [];
  for (const { name, measure } of chosen) {
    try {
      measured.push({ name, figures: await measure(context) });
    } catch (error) {
      if (error instanceof LeftOutError) {
        leftOut.push({ name, reason: error.message });
        continue;
      }
      const reason = error instanceof Error ? error.stack : String(error);
      failures.push(`Cannot measure ${name}: ${reason}`);
    }
  }
  return { machine: await describeMachine(), isQuick, subjects: measured, leftOut };
}

function draw({ format }: BenchOptions, report: Report): string {
  switch (format) {
    case "json":
      return toJson(report);
    case "markdown":
      return drawMarkdown(report);
    case "table":
      return drawTable(report, createPaint());
  }
}

function createPaint(): PaintVerdict {
  const { stdout, env } = process;
  const hasColour = stdout.isTTY && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  const codes = { ok: "32", missed: "31", reported: "2" } as const;
  return (verdict, text) => (hasColour ? `\u001B[${codes[verdict]}m${text}\u001B[0m` : text);
}
