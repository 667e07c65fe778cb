/**
 * The memory of a connected client.
 *
 * @module
 */

import { type BenchContext, type Figure, atMost } from "./figures.ts";
import { runProgram } from "./program.ts";
import { openStage } from "./stage.ts";
import { alternate, median } from "./statistics.ts";

const GOAL = 0.5;

/** Measures the growth of RSS over a process that has no client. */
export async function measureMemory({ dist, isQuick, say }: BenchContext): Promise<Figure[]> {
  await using stage = await openStage(dist);
  const { place, env } = stage;
  const rounds = isQuick ? 3 : 15;
  const sizes = await alternate(
    ["bare", "reanchor", "client-node"] as const,
    rounds,
    async (contender, round) => {
      say(`memory of a connected client: ${round + 1} of ${rounds}`);
      const options = { argument: { contender, place }, env, flags: ["--expose-gc"] };
      const { rss } = await runProgram<{ rss: number }>("programs/memory.mjs", options);
      return rss / 1e6;
    },
  );
  const bare = median(sizes.bare);
  const own = median(sizes.reanchor) - bare;
  const peer = median(sizes["client-node"]) - bare;
  return [
    {
      name: "memory of a connected client against client-node's, Node",
      value: own / peer,
      unit: "times",
      goal: atMost(GOAL),
      detail: `RSS grows by ${own.toFixed(1)} MB against ${peer.toFixed(1)} MB over ${bare.toFixed(1)} MB; medians of ${rounds} processes`,
    },
  ];
}
