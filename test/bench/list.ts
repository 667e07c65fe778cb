/**
 * One large list.
 *
 * @module
 */

import { type BenchContext, type Figure, atMost } from "./figures.ts";
import { runProgram } from "./program.ts";
import { POD_COUNT } from "./server/pods.ts";
import { openStage } from "./stage.ts";
import { alternate, median, ratio } from "./statistics.ts";

interface ListResult {
  readonly ms: number;
  readonly peakBytes: number;
  readonly items: number;
}

const GOAL = 1;
const own = [
  "kube.get",
  "resource(Pod).list",
  "kube.get over sockets",
  "resource(Pod).list over sockets",
] as const;
const contenders = ["bare fetch", ...own] as const;

type Contender = (typeof contenders)[number];

/** Compares time and peak memory with `fetch` and `JSON.parse`, in processes of their own. */
export async function measureList({ dist, isQuick, say }: BenchContext): Promise<Figure[]> {
  await using stage = await openStage(dist);
  const { place, env } = stage;
  const rounds = isQuick ? 3 : 9;
  const results = await alternate(contenders, rounds, async (contender, round) => {
    say(`a list of ${POD_COUNT} pods: ${round + 1} of ${rounds}`);
    const options = { argument: { contender, place }, env };
    const result = await runProgram<ListResult>("programs/list.mjs", options);
    const { items } = result;
    if (items !== POD_COUNT) throw new Error(`Cannot compare: ${contender} has got ${items} pods`);
    return result;
  });
  const times = (name: Contender): number[] => results[name].map(({ ms }) => ms);
  const peaks = (name: Contender): number[] => results[name].map((it) => it.peakBytes / 1e6);
  const base = "bare fetch";
  return own.flatMap((name): Figure[] => [
    {
      name: `time of ${name} of ${POD_COUNT} pods, Node, against fetch and JSON.parse`,
      value: ratio(times(name), times(base)).median,
      unit: "times",
      goal: atMost(GOAL),
      detail: `${median(times(name)).toFixed(0)} ms against ${median(times(base)).toFixed(0)} ms in ${rounds} processes each`,
    },
    {
      name: `peak memory of ${name} of ${POD_COUNT} pods, Node`,
      value: ratio(peaks(name), peaks(base)).median,
      unit: "times",
      goal: atMost(GOAL),
      detail: `peak RSS ${median(peaks(name)).toFixed(0)} MB against ${median(peaks(base)).toFixed(0)} MB`,
    },
  ]);
}
