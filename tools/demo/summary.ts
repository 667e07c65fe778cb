/**
 * From a timeline to numbers, and from numbers to a verdict.
 *
 * @module
 */

import {
  type ClientLane,
  GRACE_MS,
  type Timeline,
  findAbsences,
  findExcuses,
  judgeRequest,
} from "./timeline.ts";

/** What is counted elsewhere than in the requests. */
export interface Counts {
  /** TLS handshakes that ended well, as the client's server saw them. */
  readonly handshakes: number;
  /** How often a changed CA was taken in, or in words how the client goes about it. */
  readonly reloads: string;
  /** In how many reads, if the client reports them. */
  readonly reads?: number | undefined;
}

/** One client's run in numbers. */
export interface ClientSummary extends Counts {
  readonly requests: number;
  /** Failures that a client could have avoided. */
  readonly failed: number;
  /** Failures of a client that does not wait while the file did not hold the server's CA. */
  readonly excused: number;
  /** From the start of a first failure to the end of the next success, at the longest. */
  readonly longestOutageMs: number;
  /** Whether the last outage ended before the run did. */
  readonly isBack: boolean;
  /**
   * From the moment at which the server's CA began to come late into the file to the end of the first
   * success after that; `undefined` if there was none.
   */
  readonly recoveryMs: number | undefined;
  /** How long the slowest request took that was answered: a client that waits for trust takes that long. */
  readonly longestWaitMs: number;
  /** The codes of the avoidable failures, each once. */
  readonly codes: readonly string[];
}

/** What the run says. */
export interface Verdict {
  readonly passed: boolean;
  /** In plain sentences. */
  readonly text: string;
}

/**
 * Counts one client's run.
 *
 * @param client the client
 * @param timeline the run
 * @param counts what its requests do not show
 */
export function summarise(client: ClientLane, timeline: Timeline, counts: Counts): ClientSummary {
  const excuses = findExcuses(client, timeline.steps);
  const records = client.records.toSorted((a, b) => a.startedAt - b.startedAt);
  const codes = new Set<string>();
  let failed = 0;
  let excused = 0;
  let longestOutageMs = 0;
  let downSince: number | undefined;
  for (const record of records) {
    const outcome = judgeRequest(record, excuses);
    if (outcome === "failed") {
      failed += 1;
      codes.add(record.code ?? "unknown");
    }
    if (outcome === "excused") excused += 1;
    if (outcome !== "ok") downSince ??= record.startedAt;
    else if (downSince !== undefined) {
      longestOutageMs = Math.max(longestOutageMs, record.endedAt - downSince);
      downSince = undefined;
    }
  }
  if (downSince !== undefined) {
    longestOutageMs = Math.max(longestOutageMs, timeline.durationMs - downSince);
  }
  const absence = findAbsences(timeline.steps).at(-1);
  const back = records.find(
    ({ ok, startedAt, endedAt }) =>
      absence !== undefined && ok && startedAt >= absence.from && endedAt >= absence.endBeganAt,
  );
  return {
    requests: records.length,
    failed,
    excused,
    longestOutageMs,
    isBack: downSince === undefined && client.died === undefined,
    longestWaitMs: records.reduce(
      (longest, { ok, startedAt, endedAt }) =>
        ok ? Math.max(longest, endedAt - startedAt) : longest,
      0,
    ),
    recoveryMs: absence && back && back.endedAt - absence.endBeganAt,
    codes: [...codes],
    ...counts,
  };
}

/** A stretch of the run in which every client that works gets an answer. */
interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Before, between and after the rotations. */
function findPhases({ steps, durationMs }: Timeline): Phase[] {
  const phases: Phase[] = [];
  let name = "before the first rotation";
  let from = 0;
  const rotations = new Set(steps.map(({ rotation }) => rotation).filter((it) => it > 0));
  for (const rotation of rotations) {
    const own = steps.filter((step) => step.rotation === rotation);
    phases.push({ name, from, to: Math.min(...own.map(({ beganAt }) => beganAt)) });
    name = `after rotation ${rotation}`;
    from = Math.max(...own.map(({ endedAt }) => endedAt)) + GRACE_MS;
  }
  phases.push({ name, from, to: durationMs });
  return phases;
}

/**
 * Judges a run: reanchor must have made requests in every phase and failed none. A run that shows nothing does not pass either: where a client died, or the one that never reads
 * its CA again came through unharmed.
 *
 * @param timeline the run
 * @param rotations how many rotations there should have been
 */
export function judgeRun(timeline: Timeline, rotations: number): Verdict {
  const phases = findPhases(timeline);
  const reasons: string[] = [];
  if (phases.length !== rotations + 1) {
    reasons.push(`only ${phases.length - 1} of ${rotations} rotations took place`);
  }
  let requests = 0;
  for (const client of timeline.clients) {
    const { label, records, died } = client;
    if (died !== undefined) reasons.push(`${label} ended early (${died})`);
    if (!client.isReanchor) continue;
    requests += records.length;
    const failures = records.filter(({ ok }) => !ok);
    const [first] = failures;
    if (first !== undefined) {
      const when = (first.startedAt / 1000).toFixed(1);
      const what = count(failures.length, "request");
      reasons.push(`${label} failed ${what}, the first at ${when} s (${first.code ?? "unknown"})`);
    }
    for (const { name, from, to } of phases) {
      const answered = records.some(
        ({ ok, startedAt, endedAt }) => ok && startedAt >= from && endedAt <= to,
      );
      if (!answered) reasons.push(`${label} got no answer ${name}`);
    }
  }
  if (!timeline.clients.some(({ isReanchor }) => isReanchor)) reasons.push("reanchor did not run");
  const others = timeline.clients.filter(({ isReanchor }) => !isReanchor);
  const absences = findAbsences(timeline.steps);
  const harm = others.flatMap(({ records }) => records.map((it) => judgeRequest(it, absences)));
  if (!harm.includes("failed")) {
    reasons.push("no other client failed either, so the rotations can't have had an effect");
  }
  if (reasons.length > 0) return { passed: false, text: `Not passed: ${reasons.join("; ")}.` };
  return {
    passed: true,
    text: `Passed: through ${count(rotations, "CA rotation")}, reanchor made ${count(requests, "request")} on ${names(timeline)} and failed none.`,
  };
}

function names({ clients }: Timeline): string {
  const all = clients.filter(({ isReanchor }) => isReanchor).map(({ label }) => label);
  const short = all.flatMap((label) => /^reanchor on (.*)$/.exec(label)?.[1] ?? []);
  return short.join(", ").replace(/, ([^,]*)$/, " and $1");
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** A span for a reader: `85 ms`, `1.2 s`. */
export function formatSpan(ms: number): string {
  return ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** The longest outage for a reader. */
export function formatOutage({ longestOutageMs, isBack }: ClientSummary): string {
  if (longestOutageMs === 0) return isBack ? "none" : "-";
  return isBack ? formatSpan(longestOutageMs) : `${formatSpan(longestOutageMs)}, to the end`;
}

/** The time to recover for a reader. */
export function formatRecovery({ recoveryMs }: ClientSummary): string {
  return recoveryMs === undefined ? "never" : formatSpan(recoveryMs);
}
