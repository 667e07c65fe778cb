/**
 * What a use of a fresh CA bundle or token costs.
 *
 * @module
 */

import { type BenchContext, type Figure, exactly, under } from "./figures.ts";
import { startProgram } from "./program.ts";
import type { SourceRound } from "./programs/sources.ts";
import { openStage } from "./stage.ts";
import { alternate, median } from "./statistics.ts";

const GOAL_NS = 150;

/** Measures `current()` of both. */
export async function measureSources({ dist, isQuick, say }: BenchContext): Promise<Figure[]> {
  say("current() of the sources");
  await using stage = await openStage(dist);
  await using program = startProgram("programs/sources.ts", { argument: stage.place });
  const calls = isQuick ? 200_000 : 2_000_000;
  let reads = 0;
  async function run(source: "CaSource" | "TokenSource"): Promise<number> {
    const round = await program.ask<SourceRound>("round", { source, calls });
    reads += round.reads;
    return round.nsPerCall;
  }
  const names = ["CaSource", "TokenSource"] as const;
  for (const name of names) await run(name);
  const rounds = isQuick ? 3 : 11;
  const times = await alternate(names, rounds, run);
  return [
    ...names.map((name) => ({
      name: `await ${name}.current() on a fresh value, Node`,
      value: median(times[name]),
      unit: "ns" as const,
      goal: under(GOAL_NS),
      detail: `${Math.min(...times[name]).toFixed(0)} to ${Math.max(...times[name]).toFixed(0)} ns in ${rounds} rounds of ${calls} calls`,
    })),
    {
      name: "files opened by them",
      value: reads,
      unit: "",
      goal: exactly(0),
      detail: `in ${calls * names.length * (rounds + 1)} calls`,
    },
  ];
}
