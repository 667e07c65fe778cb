/**
 * How long a program on Node takes to its first answer.
 *
 * @module
 */

import { type BenchContext, type Figure, atMost, exactly, under } from "./figures.ts";
import { runProgram } from "./program.ts";
import { type CertificateKind, type Stage, openStage } from "./stage.ts";
import { alternate, median, ratio } from "./statistics.ts";

interface StartUp {
  readonly ms: number;
  readonly modules: readonly string[];
}

const GOAL = 1.15;
const SOCKETS_GOAL = 1.5;
const MODULES_GOAL = 80;
const contenders = [
  "kube.get",
  "undici request",
  "kube.fetch",
  "undici fetch",
  "kube.get over sockets",
  "node:https",
] as const;

type Contender = (typeof contenders)[number];

/** Compares with undici and with `node:https` alone, in processes of their own. */
export async function measureStartUp(context: BenchContext): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const kind of ["P-256", "RSA-2048"] as const) {
    await using stage = await openStage(context.dist, kind);
    figures.push(...(await compare(context, stage, kind)));
    if (kind === "P-256") figures.push(...(await countModules(stage)));
  }
  return figures;
}

async function compare(
  { isQuick, say }: BenchContext,
  stage: Stage,
  kind: CertificateKind,
): Promise<Figure[]> {
  const rounds = isQuick ? 5 : 20;
  const times = await alternate(contenders, rounds, async (name, round) => {
    say(`start-up, ${kind}: ${round + 1} of ${rounds}`);
    return (await start(stage, name, false)).ms;
  });
  const pairs = [
    ["kube.get", "undici request", GOAL],
    ["kube.fetch", "undici fetch", GOAL],
    ["kube.get over sockets", "node:https", SOCKETS_GOAL],
  ] as const;
  return pairs.map(([name, base, goal]) => ({
    name: `start-up to the first ${name}, Node, against ${base}, ${kind}`,
    value: ratio(times[name], times[base]).median,
    unit: "times",
    goal: atMost(goal),
    detail: `${median(times[name]).toFixed(1)} ms against ${median(times[base]).toFixed(1)} ms in ${rounds} processes each`,
  }));
}

async function countModules(stage: Stage): Promise<Figure[]> {
  const { modules } = await start(stage, "kube.get", true);
  // Else it would be others than these that are listed.
  if (!modules.some((url) => url.includes("/undici/"))) {
    throw new Error("Cannot tell which modules are loaded: undici is not among them");
  }
  const late = modules.filter((url) => /\/node_modules\/(?:zod|yaml)\//.test(url));
  const { modules: ofSockets } = await start(stage, "kube.get over sockets", true);
  return [
    {
      name: "modules of zod and yaml loaded by then",
      value: late.length,
      unit: "",
      goal: exactly(0),
      detail: `of ${modules.length} modules`,
    },
    {
      name: "modules loaded by the first kube.get over sockets, Node",
      value: ofSockets.length,
      unit: "",
      goal: under(MODULES_GOAL),
      detail: `${modules.length} with the runtime's HTTP`,
    },
    {
      name: "modules of undici among them",
      value: ofSockets.filter((url) => url.includes("/undici/")).length,
      unit: "",
      goal: exactly(0),
      detail: "",
    },
  ];
}

async function start(
  { place, env }: Stage,
  contender: Contender,
  listsModules: boolean,
): Promise<StartUp> {
  const argument = { contender, place, listsModules };
  return await runProgram<StartUp>("programs/start-up.mjs", { argument, env });
}
