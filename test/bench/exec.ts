/**
 * Commands in pods against kubectl and client-node, at a real kube-apiserver and a stand-in for a node.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { type BenchContext, type Figure, atLeast, under } from "./figures.ts";
import { NAMESPACE, POD, openPodStage } from "./pod-stage.ts";
import { type RuntimeName, runProgram, runtimeTitles } from "./program.ts";
import { alternate, median, ratio } from "./statistics.ts";

/** What is sent and received. */
const MEGABYTES = 100;
/** Small commands of one process. */
const COMMANDS = 100;
const MEMORY_GOAL_MB = 64;

/** What `programs/exec.mjs` does: it sends, receives, runs small commands, or reads slowly. */
type Task = "send" | "receive" | "small" | "slow";

interface TaskResult {
  readonly ms: number;
  readonly grownBytes: number;
}

const runtimes: readonly RuntimeName[] = ["node", "deno", "bun"];
const contenders = ["kubectl", "client-node", ...runtimes] as const;
type Contender = (typeof contenders)[number];
/** What each round took, by the contender, in milliseconds. */
type Times = Readonly<Record<Contender, readonly number[]>>;

/** Compares processes in turns; each of them connects and ends. */
export async function measureExec({ dist, isQuick, say }: BenchContext): Promise<Figure[]> {
  await using stage = await openPodStage(say, MEGABYTES * 1e6);
  const { kubeconfig, input } = stage;

  const run = async (runtime: RuntimeName, task: Task, count = 0): Promise<TaskResult> =>
    await runProgram<TaskResult>("programs/exec.mjs", {
      runtime,
      argument: { task, dist, kubeconfig, pod: POD, bytes: MEGABYTES * 1e6, count },
    });
  const kubectl = async (task: Task): Promise<number> => {
    const command = commandOf(task, MEGABYTES * 1e6);
    const args = ["exec", "-i", POD, "--", ...command];
    const flags = [`--kubeconfig=${kubeconfig}`, `--namespace=${NAMESPACE}`];
    return await timeProgram("kubectl", [...flags, ...args], task === "send" ? input : undefined);
  };

  const timesOf = async (task: Task): Promise<Times> =>
    await alternate(contenders, rounds, async (contender, round) => {
      say(`exec, ${task}, ${contender}: ${round + 1} of ${rounds}`);
      if (contender === "kubectl") return await kubectl(task);
      const startedAt = performance.now();
      if (contender === "client-node") {
        const argument = { task, kubeconfig, pod: POD, bytes: MEGABYTES * 1e6 };
        await runProgram("programs/exec-client-node.mjs", { argument });
      } else await run(contender, task, 1);
      return performance.now() - startedAt;
    });

  const rounds = isQuick ? 3 : 9;
  const figures: Figure[] = [];
  const small = await timesOf("small");
  for (const runtime of runtimes) {
    figures.push(processFigure("small", small, runtime, "kubectl"));
    if (runtime === "node") figures.push(processFigure("small", small, runtime, "client-node"));
  }
  for (const task of ["send", "receive"] as const) {
    const times = await timesOf(task);
    // What a process needs to start and to connect has nothing to do with its rate.
    const transfers = (contender: Contender): number[] =>
      times[contender].map((ms) => ms - median(small[contender]));
    for (const [runtime, peer] of [
      ...runtimes.map((each) => [each, "kubectl"] as const),
      ["node", "client-node"] as const,
    ]) {
      const rate = (contender: Contender): string =>
        ((MEGABYTES * 1_000) / median(transfers(contender))).toFixed(0);
      figures.push({
        name: `rate of ${titles[task]}, ${runtimeTitles[runtime]}, against ${peer}`,
        value: ratio(transfers(peer), transfers(runtime)).median,
        unit: "times",
        goal: peer === "kubectl" && runtime !== "deno" ? atLeast(1) : undefined,
        detail: `${rate(runtime)} MB/s against ${rate(peer)}, without the time of a small exec`,
      });
      figures.push(processFigure(task, times, runtime, peer));
    }
  }
  for (const runtime of runtimes) {
    say(`exec, a row of small commands and a slow reader, ${runtime}`);
    const { ms } = await run(runtime, "small", COMMANDS);
    figures.push({
      name: `a small command of ${COMMANDS} in a row, ${runtimeTitles[runtime]}`,
      value: ms / COMMANDS,
      unit: "ms",
      goal: undefined,
      detail: "each on a connection of its own",
    });
    const { grownBytes } = await run(runtime, "slow");
    figures.push({
      name: `memory while a reader of ${MEGABYTES} MB sleeps, ${runtimeTitles[runtime]}`,
      value: Math.max(0, grownBytes) / 1e6,
      unit: "MB",
      goal: under(MEMORY_GOAL_MB),
      detail: "growth in 2 s",
    });
  }
  return figures;
}

const titles = {
  send: `exec that reads ${MEGABYTES} MB`,
  receive: `exec that writes ${MEGABYTES} MB`,
  small: "one small exec",
  slow: "exec with a reader that sleeps",
} as const;

/** Whole processes, with their start. */
function processFigure(task: Task, times: Times, runtime: RuntimeName, peer: Contender): Figure {
  return {
    name: `${titles[task]}, ${runtimeTitles[runtime]}, against ${peer}, whole processes`,
    value: ratio(times[runtime], times[peer]).median,
    unit: "times",
    goal: undefined,
    detail: `${median(times[runtime]).toFixed(0)} ms against ${median(times[peer]).toFixed(0)} ms in ${times[peer].length} processes each`,
  };
}

/** The same for kubectl as in `programs/exec.mjs`. */
function commandOf(task: Task, bytes: number): string[] {
  if (task === "send") return ["sh", "-c", "cat > /dev/null"];
  if (task === "small") return ["true"];
  return ["head", "-c", String(bytes), "/dev/zero"];
}

async function timeProgram(command: string, args: string[], input?: string): Promise<number> {
  const startedAt = performance.now();
  const file = input === undefined ? undefined : await open(input);
  try {
    const child = spawn(command, args, { stdio: [file?.fd ?? "ignore", "ignore", "inherit"] });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`Cannot run ${command}: it ended with code ${code}`);
  } finally {
    await file?.close();
  }
  return performance.now() - startedAt;
}
