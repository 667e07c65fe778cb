/**
 * Informers: reanchor's and client-node's.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import { type BenchContext, type Figure, type Goal, type Unit, atMost } from "./figures.ts";
import { startProgram } from "./program.ts";
import type { InformerArgument, InformerResult } from "./programs/informer.ts";
import { POD_COUNT } from "./server/pods.ts";
import { type Stage, openStage } from "./stage.ts";
import { alternate, median, ratio } from "./statistics.ts";

const CHANGES = [1_000, 10_000] as const;
const GOAL = 1;
const own = ["reanchor", "reanchor over sockets"] as const;
const contenders = [...own, "metadata", "client-node"] as const;

type Contender = (typeof contenders)[number];

/** What one of ours came to in each process, and whom it is compared with. */
interface Series {
  readonly name: (typeof own)[number] | "metadata";
  readonly own: readonly number[];
  readonly peer: readonly number[];
}

/** One informer, when it knew all objects, and when it had heard of the changes. */
interface Followed {
  readonly sync: InformerResult;
  readonly changes: readonly InformerResult[];
}

/** Compares the time to know all objects, to hear of changes, and the memory. */
export async function measureInformer({ dist, isQuick, say }: BenchContext): Promise<Figure[]> {
  await using stage = await openStage(dist);
  const rounds = isQuick ? 2 : 5;
  const results = await alternate(contenders, rounds, async (contender, round) => {
    say(`informers of ${POD_COUNT} objects: ${round + 1} of ${rounds}`);
    return await follow(stage, contender);
  });
  return [...own, "metadata" as const].flatMap((name): Figure[] => {
    const peer = name === "metadata" ? "reanchor" : "client-node";
    const series = (read: (followed: Followed) => number): Series => ({
      name,
      own: results[name].map(read),
      peer: results[peer].map(read),
    });
    const known = series(({ sync }) => sync.ms);
    const last = ({ changes, sync }: Followed): InformerResult => changes.at(-1) ?? sync;
    return [
      compare(`time until it knows ${POD_COUNT} pods`, known, "ms"),
      ...CHANGES.map((count, index) =>
        compare(
          `time until it has heard of ${count} changes`,
          series(({ changes }) => changes[index]?.ms ?? Number.NaN),
          "ms",
          atMost(GOAL),
        ),
      ),
      compare(
        "memory then",
        series((followed) => last(followed).rss / 1e6),
        "MB",
      ),
      compare(
        "peak memory",
        series((followed) => last(followed).peak / 1e6),
        "MB",
      ),
    ];
  });
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
  const changes: InformerResult[] = [];
  for (const count of CHANGES) {
    const watches = await server.ask<number>("prepare", count);
    if (watches !== 1) throw new Error(`Cannot measure: ${contender} has ${watches} watches open`);
    await program.ask("expect", count);
    await server.ask("change");
    changes.push(await program.ask<InformerResult>("changed"));
  }
  return { sync, changes };
}

const titles: Readonly<Record<Series["name"], (what: string) => string>> = {
  reanchor: (what) => `informer, ${what}, Node, against client-node's`,
  "reanchor over sockets": (what) => `informer over sockets, ${what}, Node, against client-node's`,
  metadata: (what) => `informer of metadata, ${what}, Node, against whole pods`,
};

function compare(
  what: string,
  { name, own: values, peer }: Series,
  unit: Unit,
  goal?: Goal,
): Figure {
  const middle = (all: readonly number[]): string => `${median(all).toFixed(0)} ${unit}`;
  return {
    name: titles[name](what),
    value: ratio(values, peer).median,
    unit: "times",
    goal,
    detail: `${middle(values)} against ${middle(peer)} in ${values.length} processes each`,
  };
}
