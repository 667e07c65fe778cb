/**
 * Commands in pods against kubectl, at a real kube-apiserver and a stand-in for a node.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildServers, hasGo } from "../../tools/go-programs.ts";
import { writeAdminKubeconfig } from "../support/admin-kubeconfig.ts";
import { startCluster } from "../support/cluster.ts";
import { startNode } from "../support/node-process.ts";
import { until } from "../support/until.ts";
import { type BenchContext, type Figure, atMost, under } from "./figures.ts";
import { type RuntimeName, runProgram, runtimeTitles } from "./program.ts";
import { alternate, median, ratio } from "./statistics.ts";

/** What is sent and received. */
const MEGABYTES = 100;
/** Small commands of one process. */
const COMMANDS = 100;
const MEMORY_GOAL_MB = 64;
const NAMESPACE = "default";
const POD = "pod";

/** What `programs/exec.mjs` does: it sends, receives, runs small commands, or reads slowly. */
type Task = "send" | "receive" | "small" | "slow";

interface TaskResult {
  readonly ms: number;
  readonly grownBytes: number;
}

const runtimes: readonly RuntimeName[] = ["node", "deno", "bun"];
const contenders = ["kubectl", ...runtimes] as const;

/** Compares whole processes with kubectl's, in turns; each of them connects and ends. */
export async function measureExec({ dist, isQuick, say }: BenchContext): Promise<Figure[]> {
  if (!(await hasGo())) throw new Error("it needs Go 1.26 or later");
  const failure = await buildServers(say);
  if (failure !== undefined) throw new Error(failure);
  await using stage = await openPodStage();
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

  const rounds = isQuick ? 3 : 9;
  const figures: Figure[] = [];
  for (const task of ["send", "receive", "small"] as const) {
    const times = await alternate(contenders, rounds, async (contender, round) => {
      say(`exec, ${task}, ${contender}: ${round + 1} of ${rounds}`);
      if (contender === "kubectl") return await kubectl(task);
      const startedAt = performance.now();
      await run(contender, task, 1);
      return performance.now() - startedAt;
    });
    for (const runtime of runtimes) {
      figures.push({
        name: `${titles[task]}, ${runtimeTitles[runtime]}, against kubectl`,
        value: ratio(times[runtime], times.kubectl).median,
        unit: "times",
        goal: task === "small" || runtime === "deno" ? undefined : atMost(1),
        detail: `${median(times[runtime]).toFixed(0)} ms against ${median(times.kubectl).toFixed(0)} ms in ${rounds} processes each`,
      });
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
} as const;

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

interface PodStage extends AsyncDisposable {
  readonly kubeconfig: string;
  /** A file of as many zeros as are sent. */
  readonly input: string;
}

async function openPodStage(): Promise<PodStage> {
  const cluster = await startCluster();
  const node = await startNode(cluster, "proxied");
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  await cluster.admin("POST", `${core}/serviceaccounts`, { metadata: { name: "default" } });
  const spec = {
    nodeName: node.name,
    automountServiceAccountToken: false,
    containers: [{ name: "main", image: "none" }],
  };
  await cluster.admin("POST", `${core}/pods`, { metadata: { name: POD }, spec });
  await until("the pod runs", async () => {
    const { status } = (await cluster.admin("GET", `${core}/pods/${POD}`)) as {
      status: { phase?: string };
    };
    return status.phase === "Running";
  });
  const input = join(cluster.description.folder, "zeros");
  await writeFile(input, new Uint8Array(MEGABYTES * 1e6));
  return {
    kubeconfig: await writeAdminKubeconfig(cluster),
    input,
    async [Symbol.asyncDispose]() {
      await rm(input);
      await node.stop();
      await cluster.close();
    },
  };
}
