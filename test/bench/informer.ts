/**
 * Informers: reanchor's and client-node's.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import type { BenchContext, Figure, Unit } from "./figures.ts";
import { startProgram } from "./program.ts";
import type { InformerArgument, InformerResult } from "./programs/informer.ts";
import { POD_COUNT } from "./server/pods.ts";
import { type Stage, openStage } from "./stage.ts";
import { alternate, median, ratio } from "./statistics.ts";

const CHANGES = 1_000;
const contenders = ["reanchor", "client-node"] as const;

type Contender = (typeof contenders)[number];
type Series = Record<Contender, number[]>;

/** One informer, when it knew all objects, and when it had heard of the changes. */
interface Followed {
  readonly sync: InformerResult;
  readonly change: InformerResult;
}

/** Compares the time to know all objects, to hear of changes, and the memory. */
export async function measureInformer({ dist, isQuick, say }: BenchContext): Promise<Figure[]> {
  await using stage = await openStage(dist);
  const rounds = isQuick ? 2 : 7;
  const results = await alternate(contenders, rounds, async (contender, round) => {
    say(`informers of ${POD_COUNT} objects: ${round + 1} of ${rounds}`);
    return await follow(stage, contender);
  });
  const series = (read: (followed: Followed) => number): Series => ({
    reanchor: results.reanchor.map(read),
    "client-node": results["client-node"].map(read),
  });
  return [
    compare(
      `time until it knows ${POD_COUNT} pods`,
      series(({ sync }) => sync.ms),
      "ms",
    ),
    compare(
      `time until it has heard of ${CHANGES} changes`,
      series(({ change }) => change.ms),
      "ms",
    ),
    compare(
      "memory then",
      series(({ change }) => change.rss / 1e6),
      "MB",
    ),
    compare(
      "peak memory",
      series(({ change }) => change.peak / 1e6),
      "MB",
    ),
  ];
}

async function follow({ place, env, server }: Stage, contender: Contender): Promise<Followed> {
  const argument: InformerArgument = { contender, place, objects: POD_COUNT };
  await using program = startProgram("programs/informer.ts", {
    argument,
    env,
    flags: ["--expose-gc"],
  });
  const sync = await program.ask<InformerResult>("sync");
  await delay(300); // The watch is open by then.
  await program.ask("expect", CHANGES);
  const watches = await server.ask<number>("change", CHANGES);
  if (watches !== 1) throw new Error(`Cannot measure: ${contender} has ${watches} watches open`);
  return { sync, change: await program.ask<InformerResult>("changed") };
}

function compare(name: string, series: Series, unit: Unit): Figure {
  const own = median(series.reanchor).toFixed(0);
  const peer = median(series["client-node"]).toFixed(0);
  return {
    name: `informer, ${name}, Node, against client-node's`,
    value: ratio(series.reanchor, series["client-node"]).median,
    unit: "times",
    goal: undefined,
    detail: `${own} ${unit} against ${peer} ${unit} in ${series.reanchor.length} processes each`,
  };
}
