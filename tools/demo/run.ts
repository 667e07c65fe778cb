/**
 * A run of the demo, from the start of the servers to the end of the last client.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import { type ClientProcess, startClient } from "./client-process.ts";
import { clients } from "./clients.ts";
import type { Reporter } from "./reporter.ts";
import { AUTHORITIES, DURATION_MS, type PlannedStep, script } from "./script.ts";
import { type Stage, openStage } from "./stage.ts";
import { type ClientSummary, summarise } from "./summary.ts";
import {
  type ClientLane,
  type Step,
  type Timeline,
  describeStep,
  findAbsences,
} from "./timeline.ts";

/** How long the clients may take to load. */
const READY_MS = 12_000;

/** The result of a run. */
export interface RunResult {
  readonly timeline: Timeline;
  /** In the order of the timeline's clients. */
  readonly summaries: readonly ClientSummary[];
}

/** A client while it runs. */
interface Runner {
  readonly lane: ClientLane;
  readonly process: ClientProcess;
  readonly reloads: string | undefined;
  reads: number;
  changes: number;
}

/**
 * Runs the clients through the script.
 *
 * @param reporter receives the events
 * @param signal ends the run early. Clients, servers and folders are gone when this throws
 * @throws the signal's reason
 */
export async function runDemo(reporter: Reporter, signal: AbortSignal): Promise<RunResult> {
  reporter.news("Starting the API servers and seven clients...");
  const stage = await openStage(
    clients.map(({ id }) => id),
    AUTHORITIES,
  );
  const runners: Runner[] = [];
  try {
    signal.throwIfAborted();
    let startedAt = Number.NaN;
    const now = (): number => Date.now() - startedAt;
    for (const client of clients)
      runners.push(startRunner(client, { stage, startedAt: () => startedAt, reporter }));
    const lanes = await loadAll(runners, signal);
    const steps: Step[] = [];
    const timeline: Timeline = { clients: lanes, steps, durationMs: DURATION_MS };
    startedAt = Date.now();
    for (const { process } of runners) process.go();
    reporter.start(timeline, now);
    for (const planned of script) {
      await delay(Math.max(0, planned.atMs - now()), undefined, { signal });
      const step = await take(planned, stage, now);
      steps.push(step);
      if (step.rotation > 0) reporter.news(tellStep(step, steps));
      if (planned.rotation > 0 && planned.where === "server") await stage.closeConnections();
    }
    await delay(Math.max(0, DURATION_MS - now()), undefined, { signal });
    await stopAll(runners);
    reporter.end();
    const summaries = await Promise.all(
      runners.map(async (runner) => {
        const { lane, changes } = runner;
        const handshakes = await stage.handshakes(lane.id);
        const reads = runner.reloads === undefined ? runner.reads : undefined;
        const reloads = runner.reloads ?? String(changes);
        return summarise(lane, timeline, { handshakes, reloads, reads });
      }),
    );
    return { timeline, summaries };
  } finally {
    reporter.end();
    for (const { process } of runners) process.kill();
    await stage.close();
  }
}

/** The environment that a client runs in. */
interface RunnerHost {
  readonly stage: Stage;
  /** When the run started. */
  readonly startedAt: () => number;
  readonly reporter: Reporter;
}

function startRunner(
  client: (typeof clients)[number],
  { stage, startedAt, reporter }: RunnerHost,
): Runner {
  const { id, label, detail, isReanchor } = client;
  const lane: ClientLane = { id, label, detail, isReanchor, records: [] };
  const process = startClient(client.command(stage), stage.port(id), {
    message(message) {
      if (message.type === "request") {
        const { ok, code } = message;
        lane.records.push({
          startedAt: message.startedAt - startedAt(),
          endedAt: message.endedAt - startedAt(),
          ok,
          code,
        });
      }
      if (message.type === "read") {
        runner.reads += 1;
        if (message.changed) runner.changes += 1;
      }
    },
    died(how) {
      lane.died = how;
      reporter.news(`${label} ended early, ${how}`);
    },
  });
  const runner: Runner = { lane, process, reloads: client.reloads, reads: 0, changes: 0 };
  return runner;
}

/** Waits until every client has loaded, and records their runtimes. */
async function loadAll(runners: Runner[], signal: AbortSignal): Promise<ClientLane[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]);
  const { promise: late, reject } = Promise.withResolvers<never>();
  limit.addEventListener("abort", () => reject(limit.reason), { once: true });
  return await Promise.all(
    runners.map(async (runner) => {
      const { label } = runner.lane;
      try {
        const runtime = await Promise.race([runner.process.ready, late]);
        const detail = runner.lane.detail.replace("{runtime}", runtime);
        return Object.assign(runner.lane, { detail });
      } catch (cause) {
        signal.throwIfAborted();
        const why = limit.aborted ? `it took longer than ${READY_MS / 1000} s` : String(cause);
        throw new Error(`Cannot start ${label}: ${why}`, { cause });
      }
    }),
  );
}

/** Carries out a step, and records when it began and when every client could see it. */
async function take(planned: PlannedStep, stage: Stage, now: () => number): Promise<Step> {
  const { rotation, where, authorities } = planned;
  if (rotation === 0) return { rotation, where, authorities, beganAt: 0, endedAt: 0 };
  const beganAt = now();
  await stage.apply(planned);
  return { rotation, where, authorities, beganAt, endedAt: now() };
}

/** A line about the latest step. */
function tellStep(step: Step, steps: readonly Step[]): string {
  const isAbsent = findAbsences(steps).some(({ to }) => to === Number.POSITIVE_INFINITY);
  return `${(step.beganAt / 1000).toFixed(1).padStart(6)} s  ${describeStep(step, isAbsent)}`;
}

async function stopAll(runners: readonly Runner[]): Promise<void> {
  await Promise.all(
    runners.map(async ({ lane, process }) => {
      const endedByItself = await process.stop();
      if (!endedByItself) lane.died = "it did not stop when told to, and was killed";
    }),
  );
}
