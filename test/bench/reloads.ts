/**
 * What thousands of changed bundles leave behind.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import { type BenchContext, type Figure, exactly, under } from "./figures.ts";
import { startProgram } from "./program.ts";
import { openStage } from "./stage.ts";

const GOAL_MB = 10;
const RELOADS_BEFORE = 500;

/** Measures the growth of the heap, and the sockets that stay open. */
export async function measureReloads({ dist, isQuick, say }: BenchContext): Promise<Figure[]> {
  const reloads = isQuick ? 500 : 10_000;
  say(`${reloads} reloads with changed content`);
  await using stage = await openStage(dist);
  await using program = startProgram("programs/reloads.ts", {
    argument: stage.place,
    flags: ["--expose-gc"],
  });
  await program.ask("reload", RELOADS_BEFORE);
  const before = await program.ask<number>("heap");
  const changed = await program.ask<number>("reload", reloads);
  const after = await program.ask<number>("heap");
  await delay(200); // The server hears of closed connections.
  const { open, handshakes } = await stage.counts();
  return [
    {
      name: `heap growth over ${reloads} reloads, Node`,
      value: (after - before) / 1e6,
      unit: "MB",
      goal: under(GOAL_MB),
      detail: `${(before / 1e6).toFixed(1)} MB before; ${changed} changed the bundle; ${handshakes} handshakes`,
    },
    {
      name: "sockets open after them",
      value: open,
      unit: "",
      goal: exactly(1),
      detail: "as the server counts them",
    },
  ];
}
