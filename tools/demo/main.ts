/**
 * The demo: rotates a cluster's CA under seven clients, live. See `--help`.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import process from "node:process";
import { type DemoOptions, help, readOptions } from "./options.ts";
import { createReporter } from "./reporter.ts";
import { runDemo } from "./run.ts";
import { rotations } from "./script.ts";
import { judgeRun } from "./summary.ts";
import { drawSvg } from "./svg.ts";
import { createPaint, drawSummary } from "./text.ts";

const FAILURE = 1;
const USAGE = 2;
/** The exit code that a shell reports after SIGINT. */
const INTERRUPTED = 130;

process.exitCode = await main();

async function main(): Promise<number> {
  let options: DemoOptions;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    return USAGE;
  }
  if (options.help) {
    process.stdout.write(help);
    return 0;
  }
  const interrupt = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(name, () => interrupt.abort());
  }
  try {
    return await show(options, interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted) {
      process.stderr.write("Interrupted: the clients and servers have been ended.\n");
      return INTERRUPTED;
    }
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return FAILURE;
  }
}

async function show(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const { stdout, env } = process;
  const noColour = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  const paint = createPaint(stdout.isTTY && !noColour);
  const { timeline, summaries } = await runDemo(createReporter(stdout, paint), signal);
  const verdict = judgeRun(timeline, rotations);
  const colour = verdict.passed ? "green" : "red";
  const summary = drawSummary(timeline.clients, summaries, paint);
  stdout.write(["", ...summary, "", paint(colour, verdict.text), ""].join("\n"));
  if (options.svg !== undefined) {
    await writeFile(options.svg, drawSvg(timeline, summaries));
    stdout.write(`The picture is in ${options.svg}.\n`);
  }
  return verdict.passed ? 0 : FAILURE;
}
