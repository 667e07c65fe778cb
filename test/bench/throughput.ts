/**
 * Requests a second, against the runtime's own `fetch` and against client-node.
 *
 * @module
 */

import { type BenchContext, type Figure, atLeast, atMost, exactly } from "./figures.ts";
import { buildGoProgram } from "./go-program.ts";
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
const peerGoals = { "kube.get": 20, "kube.get over sockets": 25 } as const;

/** How requests go without reanchor: the runtime's `fetch`, less than that where there is less, and no HTTP at all. */
const bare = {
  node: ["bare fetch", "bare dispatch", "bare sockets"],
  deno: ["bare fetch", "bare sockets"],
  bun: ["bare fetch", "bare sockets"],
} as const satisfies Readonly<Record<RuntimeName, readonly Contender[]>>;

const byRuntime = ["kube.fetch", "kube.get"] as const;
const bySockets = ["kube.fetch over sockets", "kube.get over sockets"] as const;

/** A comparison of the CPU time of two contenders. */
interface CpuComparison {
  readonly name: Contender;
  readonly base: Contender;
  /** The most that it is to be. */
  readonly goals?: Partial<Record<keyof typeof concurrencies, number>>;
}

const cpuComparisons: Readonly<Record<RuntimeName, readonly CpuComparison[]>> = {
  node: [
    {
      name: "kube.get over sockets",
      base: "bare dispatch",
      goals: { sequential: 0.8, "32 at once": 0.75 },
    },
    { name: "kube.get", base: "bare dispatch" },
    ...againstLimits(),
  ],
  deno: [
    { name: "kube.get over sockets", base: "bare fetch", goals: { "32 at once": 0.4 } },
    ...againstLimits(),
  ],
  bun: [
    { name: "kube.get over sockets", base: "bare fetch", goals: { "32 at once": 0.9 } },
    ...againstLimits(),
  ],
};

function againstLimits(): CpuComparison[] {
  return [
    { name: "kube.fetch over sockets", base: "bare fetch" },
    { name: "kube.get over sockets", base: "bare sockets" },
  ];
}

/** Compares with the `fetch` of each runtime, and with what is below it. */
export async function measureAgainstRuntimes(context: BenchContext): Promise<Figure[]> {
  const figures: Figure[] = [];
  const program = await buildGoProgram("go-server");
  for (const runtime of ["node", "deno", "bun"] as const) {
    await using stage = await openStage(context.dist, "P-256", { program });
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
  const names: readonly Contender[] = [...bare[runtime], ...byRuntime, ...bySockets];
  await using contenders = startContenders(stage, runtime, names, "/version");
  const figures: Figure[] = [];
  for (const how of ["sequential", "32 at once"] as const) {
    context.say(`requests a second on ${title}, ${how}`);
    const raced = await race(contenders, names, concurrencies[how], context.isQuick);
    const { rates, cpuUs } = raced;
    for (const name of byRuntime) {
      const compared = ratio(rates[name], rates["bare fetch"]);
      figures.push({
        name: `${name === "kube.fetch" ? "kube.fetch + json()" : name}, ${title}, ${how}`,
        value: compared.median,
        unit: "times",
        goal: atLeast(goals[runtime][how][name]),
        detail: describe(compared, raced, name, "bare fetch"),
      });
    }
    for (const { name, base, goals: most = {} } of cpuComparisons[runtime]) {
      const compared = ratio(cpuUs[name], cpuUs[base]);
      const goal = most[how];
      figures.push({
        name: `CPU time of ${name} against ${base}, ${title}, ${how}`,
        value: compared.median,
        unit: "times",
        goal: goal === undefined ? undefined : atMost(goal),
        detail: describe(compared, raced, name, base),
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
  const names = ["client-node", "kube.get", "kube.get over sockets"] as const;
  await using contenders = startContenders(stage, "node", names, "/api/v1/namespaces");
  const seen = {
    "client-node": { handshakes: 0, requests: 0 },
    "kube.get": { handshakes: 0, requests: 0 },
    "kube.get over sockets": { handshakes: 0, requests: 0 },
  };
  const count = async (name: keyof typeof seen): Promise<void> => {
    const { handshakes, requests } = await stage.counts();
    seen[name].handshakes += handshakes;
    seen[name].requests += requests;
  };
  await stage.counts();
  const { sequential } = concurrencies;
  const raced = await race(contenders, names, sequential, isQuick, count);
  const peer = seen["client-node"];
  return (["kube.get", "kube.get over sockets"] as const).flatMap((name): Figure[] => {
    const compared = ratio(raced.rates[name], raced.rates["client-node"]);
    return [
      {
        name: `${name} against client-node's listNamespace, ${kind}`,
        value: compared.median,
        unit: "times",
        goal: atLeast(peerGoals[name]),
        detail: describe(compared, raced, name, "client-node"),
      },
      {
        name: `TLS handshakes of ${name}, ${kind}`,
        value: seen[name].handshakes,
        unit: "",
        goal: exactly(1),
        detail: `for ${seen[name].requests} requests; client-node: ${peer.handshakes} for ${peer.requests}`,
      },
    ];
  });
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
  const round: Round = { durationMs: isQuick ? 300 : 1_000, atOnce };
  async function run(name: Name): Promise<RoundResult> {
    const result = await contenders[name].ask<RoundResult>("round", round);
    await onRound(name);
    return result;
  }
  for (const name of names) await run(name);
  const results = await alternate(names, isQuick ? 3 : 7, run);
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
  { rates, cpuUs }: Race<Name>,
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
