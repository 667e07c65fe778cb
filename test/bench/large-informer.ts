/**
 * An informer of many pods beside client-go's, at the same server, both by JSON.
 *
 * @module
 */

import { type BenchContext, type Figure, LeftOutError, atMost } from "./figures.ts";
import { buildGoProgram } from "./go-program.ts";
import { runProgram, startProgram } from "./program.ts";
import type { InformerArgument, InformerResult } from "./programs/informer.ts";
import { type Stage, openStage } from "./stage.ts";
import { alternate, median, ratio } from "./statistics.ts";

const PODS = 50_000;
const GOAL = 1;
const PEER = "client-go";
const own = {
  Node: { runtime: "node", contender: "reanchor" },
  "Node, over sockets": { runtime: "node", contender: "reanchor over sockets" },
  Deno: { runtime: "deno", contender: "reanchor" },
  Bun: { runtime: "bun", contender: "reanchor" },
} as const;

type Contender = keyof typeof own | typeof PEER;

/** What the program in Go prints. */
interface GoResult {
  readonly ms: number;
  readonly peakBytes: number;
  readonly objects: number;
}

/** One informer that knows all pods. */
interface Synced {
  readonly ms: number;
  readonly peakBytes: number;
}

/** Compares the time until all pods are known, and the peak memory by then, in processes of their own. */
export async function measureLargeInformer({
  dist,
  isQuick,
  say,
}: BenchContext): Promise<Figure[]> {
  say("building an informer of client-go");
  const program = await buildGoProgram("go-informer");
  if (program === undefined) throw new LeftOutError("Go is not installed");
  await using stage = await openStage(dist, "P-256", { pods: PODS });
  const rounds = isQuick ? 1 : 5;
  const names = [...Object.keys(own), PEER] as Contender[];
  const results = await alternate(names, rounds, async (name, round) => {
    say(`informers of ${PODS} pods, ${name}: ${round + 1} of ${rounds}`);
    return name === PEER ? await syncPeer(stage, program) : await syncOwn(stage, name);
  });
  const times = (name: Contender): number[] => results[name].map(({ ms }) => ms);
  const peaks = (name: Contender): number[] => results[name].map((it) => it.peakBytes / 1e6);
  return (Object.keys(own) as (keyof typeof own)[]).flatMap((name): Figure[] => [
    {
      name: `informer, time until it knows ${PODS} pods, ${name}, against client-go's`,
      value: ratio(times(name), times(PEER)).median,
      unit: "times",
      goal: atMost(GOAL),
      detail: `${median(times(name)).toFixed(0)} ms against ${median(times(PEER)).toFixed(0)} ms in ${rounds} processes each`,
    },
    {
      name: `informer, peak memory by then, ${name}, against client-go's`,
      value: ratio(peaks(name), peaks(PEER)).median,
      unit: "times",
      goal: atMost(GOAL),
      detail: `${median(peaks(name)).toFixed(0)} MB against ${median(peaks(PEER)).toFixed(0)} MB`,
    },
  ]);
}

async function syncOwn({ place, env }: Stage, name: keyof typeof own): Promise<Synced> {
  const { runtime, contender } = own[name];
  const argument: InformerArgument = { contender, place, objects: PODS };
  await using program = startProgram("programs/informer.ts", { runtime, argument, env });
  const { ms, peak } = await program.ask<InformerResult>("sync");
  return { ms, peakBytes: peak };
}

async function syncPeer({ place }: Stage, command: string): Promise<Synced> {
  const { objects, ...synced } = await runProgram<GoResult>("go-informer", {
    command,
    argument: { place },
  });
  if (objects !== PODS) throw new Error(`Cannot measure: client-go knows ${objects} pods`);
  return synced;
}
