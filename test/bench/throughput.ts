/**
 * Requests a second, against the runtime's own `fetch` and against client-node.
 *
 * @module
 */

import { type BenchContext, type Figure, atLeast, exactly } from "./figures.ts";
import { type Program, type RuntimeName, runtimeTitles, startProgram } from "./program.ts";
import type { Round, RoundResult } from "./programs/rounds.ts";
import type { Contender, ThroughputArgument } from "./programs/throughput.ts";
import { type CertificateKind, type Stage, openStage } from "./stage.ts";
import { type Ratio, alternate, median, ratio } from "./statistics.ts";

/** The least that reanchor's ratio to the runtime's own `fetch` is to be. */
interface Goals {
  readonly "kube.fetch": number;
  readonly "kube.get": number;
}

const goals: Readonly<Record<RuntimeName, Readonly<Record<"sequential" | "32 at once", Goals>>>> = {
  node: {
    sequential: { "kube.fetch": 1.3, "kube.get": 1.7 },
    "32 at once": { "kube.fetch": 1.4, "kube.get": 2 },
  },
  deno: {
    sequential: { "kube.fetch": 0.95, "kube.get": 0.95 },
    "32 at once": { "kube.fetch": 0.95, "kube.get": 0.95 },
  },
  bun: {
    sequential: { "kube.fetch": 0.95, "kube.get": 0.95 },
    "32 at once": { "kube.fetch": 0.95, "kube.get": 0.95 },
  },
};

const concurrencies = { sequential: 1, "32 at once": 32 } as const;
const PEER_GOAL = 20;

/** Compares with the `fetch` of each runtime. */
export async function measureAgainstRuntimes(context: BenchContext): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const runtime of ["node", "deno", "bun"] as const) {
    await using stage = await openStage(context.dist);
    figures.push(...(await measureRuntime(context, stage, runtime)));
  }
  return figures;
}

async function measureRuntime(
  context: BenchContext,
  stage: Stage,
  runtime: RuntimeName,
): Promise<Figure[]> {
  const title = runtimeTitles[runtime];
  const names = ["bare fetch", "kube.fetch", "kube.get"] as const;
  await using contenders = startContenders(stage, runtime, names, "/version");
  const figures: Figure[] = [];
  for (const [how, atOnce] of Object.entries(concurrencies)) {
    context.say(`requests a second on ${title}, ${how}`);
    const { rates, cpuUs } = await race(contenders, names, atOnce, context.isQuick);
    for (const name of ["kube.fetch", "kube.get"] as const) {
      const compared = ratio(rates[name], rates["bare fetch"]);
      figures.push({
        name: `${name === "kube.fetch" ? "kube.fetch + json()" : name}, ${title}, ${how}`,
        value: compared.median,
        unit: "times",
        goal: atLeast(goals[runtime][how as keyof typeof concurrencies][name]),
        detail: describe(compared, rates, cpuUs, name, "bare fetch"),
      });
    }
  }
  return figures;
}

/** Compares with client-node. */
export async function measureAgainstPeer(context: BenchContext): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const kind of ["P-256", "RSA-2048"] as const) {
    await using stage = await openStage(context.dist, kind);
    figures.push(...(await measurePeer(context, stage, kind)));
  }
  return figures;
}

async function measurePeer(
  { say, isQuick }: BenchContext,
  stage: Stage,
  kind: CertificateKind,
): Promise<Figure[]> {
  say(`requests a second beside client-node, ${kind}`);
  const names = ["client-node", "kube.get"] as const;
  await using contenders = startContenders(stage, "node", names, "/api/v1/namespaces");
  const seen = {
    "client-node": { handshakes: 0, requests: 0 },
    "kube.get": { handshakes: 0, requests: 0 },
  };
  const count = async (name: keyof typeof seen): Promise<void> => {
    const { handshakes, requests } = await stage.counts();
    seen[name].handshakes += handshakes;
    seen[name].requests += requests;
  };
  await stage.counts();
  const { sequential } = concurrencies;
  const { rates, cpuUs } = await race(contenders, names, sequential, isQuick, count);
  const compared = ratio(rates["kube.get"], rates["client-node"]);
  const peer = seen["client-node"];
  return [
    {
      name: `kube.get against client-node's listNamespace, ${kind}`,
      value: compared.median,
      unit: "times",
      goal: atLeast(PEER_GOAL),
      detail: describe(compared, rates, cpuUs, "kube.get", "client-node"),
    },
    {
      name: `TLS handshakes of kube.get, ${kind}`,
      value: seen["kube.get"].handshakes,
      unit: "",
      goal: exactly(1),
      detail: `for ${seen["kube.get"].requests} requests; client-node: ${peer.handshakes} for ${peer.requests}`,
    },
  ];
}

type Contenders<Name extends Contender> = Readonly<Record<Name, Program>> & AsyncDisposable;

function startContenders<Name extends Contender>(
  { place, env }: Stage,
  runtime: RuntimeName,
  names: readonly Name[],
  path: string,
): Contenders<Name> {
  const programs = names.map((contender) => {
    const argument: ThroughputArgument = { contender, place, path };
    return startProgram("programs/throughput.ts", { runtime, argument, env });
  });
  const byName = Object.fromEntries(names.map((name, index) => [name, programs[index]]));
  return {
    ...(byName as Record<Name, Program>),
    async [Symbol.asyncDispose]() {
      await Promise.all(programs.map((program) => program[Symbol.asyncDispose]()));
    },
  };
}

/** What each contender came to, round by round. */
interface Race<Name extends Contender> {
  /** Requests a second. */
  readonly rates: Readonly<Record<Name, readonly number[]>>;
  /** The time that its process used for a request, in microseconds. */
  readonly cpuUs: Readonly<Record<Name, readonly number[]>>;
}

/** Lets contenders take turns, after one round each that does not count. */
async function race<Name extends Contender>(
  contenders: Contenders<Name>,
  names: readonly Name[],
  atOnce: number,
  isQuick: boolean,
  onRound: (name: Name) => Promise<void> = async () => {},
): Promise<Race<Name>> {
  const round: Round = { durationMs: isQuick ? 300 : 1_500, atOnce };
  async function run(name: Name): Promise<RoundResult> {
    const result = await contenders[name].ask<RoundResult>("round", round);
    await onRound(name);
    return result;
  }
  for (const name of names) await run(name);
  const results = await alternate(names, isQuick ? 3 : 11, run);
  const each = (read: (result: RoundResult) => number): Record<Name, number[]> =>
    mapRecord(results, (rounds) => rounds.map(read));
  return {
    rates: each(({ requests, ms }) => (requests / ms) * 1_000),
    cpuUs: each(({ requests, cpuUs }) => cpuUs / requests),
  };
}

function mapRecord<Name extends string, From, To>(
  record: Readonly<Record<Name, From>>,
  map: (value: From) => To,
): Record<Name, To> {
  const entries = Object.entries<From>(record).map(([name, value]) => [name, map(value)]);
  return Object.fromEntries(entries) as Record<Name, To>;
}

function describe<Name extends Contender>(
  { least, most }: Ratio,
  rates: Race<Name>["rates"],
  cpuUs: Race<Name>["cpuUs"],
  name: Name,
  base: Name,
): string {
  const middle = (values: readonly number[]): string => median(values).toFixed(0);
  return [
    `${middle(rates[name])}/s against ${middle(rates[base])}/s`,
    `${least.toFixed(2)} to ${most.toFixed(2)} in ${rates[name].length} rounds`,
    `CPU ${middle(cpuUs[name])} µs against ${middle(cpuUs[base])} µs a request`,
  ].join("; ");
}
