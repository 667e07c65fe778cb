/**
 * What happened, and what it means: requests of each client over time, and the steps of the rotations.
 *
 * @module
 */

/** A request of a client. Times are in milliseconds since the demo began. */
export interface RequestRecord {
  readonly startedAt: number;
  readonly endedAt: number;
  /** What it failed with; `undefined` where it did not. */
  readonly error: string | undefined;
}

/** One of those who run side by side. */
export interface ClientRecord {
  readonly name: string;
  /** Whether it is reanchor, which has to hold what it promises. */
  readonly isReanchor: boolean;
  readonly requests: RequestRecord[];
  reloads: number;
}

/** What the server uses and what the file holds from a time on, by the authorities' numbers. */
export interface TrustStep {
  /** From when it may hold. */
  readonly at: number;
  /** From when it does hold. */
  readonly settledAt: number;
  readonly what: string;
  readonly server: number;
  readonly file: readonly number[];
}

/** How long after the CA has come into the file a request may still have begun too early. */
export const GRACE_MS = 150;

/** When no client can trust the server by the file: from, until; with the grace after. */
export function absences(steps: readonly TrustStep[]): [from: number, until: number][] {
  const found: [number, number][] = [];
  let since: number | undefined;
  for (const { at, server, file } of steps) {
    if (!file.includes(server)) since ??= at;
    else if (since !== undefined) {
      found.push([since, at + GRACE_MS]);
      since = undefined;
    }
  }
  if (since !== undefined) found.push([since, Number.POSITIVE_INFINITY]);
  return found;
}

/** Whether a failure had to be: it began while the file did not hold the server's CA. */
export function isUnavoidable(
  { startedAt }: RequestRecord,
  windows: readonly [from: number, until: number][],
): boolean {
  return windows.some(([from, until]) => startedAt >= from && startedAt <= until);
}

/** What came of one client. */
export interface Outcome {
  readonly name: string;
  readonly isReanchor: boolean;
  readonly requests: number;
  /** Failures that need not have been. */
  readonly failed: number;
  readonly unavoidable: number;
  /** For each rotation of the server, the time until a request succeeded; `undefined` for never. */
  readonly recoveries: (number | undefined)[];
  readonly reloads: number;
}

/** Sums a client up. */
export function outcome(client: ClientRecord, steps: readonly TrustStep[]): Outcome {
  const windows = absences(steps);
  const failures = client.requests.filter(({ error }) => error !== undefined);
  const unavoidable = failures.filter((failure) => isUnavoidable(failure, windows)).length;
  return {
    name: client.name,
    isReanchor: client.isReanchor,
    requests: client.requests.length,
    failed: failures.length - unavoidable,
    unavoidable,
    recoveries: trustTimes(steps).map((at) => {
      const success = client.requests.find(
        ({ startedAt, error }) => startedAt >= at && error === undefined,
      );
      return success === undefined ? undefined : success.endedAt - at;
    }),
    reloads: client.reloads,
  };
}

/** For each authority that the server went over to: when server and file both had it. */
function trustTimes(steps: readonly TrustStep[]): number[] {
  const times: number[] = [];
  let seen = steps[0]?.server ?? 0;
  for (const { settledAt, server, file } of steps) {
    if (server <= seen || !file.includes(server)) continue;
    seen = server;
    times.push(settledAt);
  }
  return times;
}

/** The judgement on reanchor, in a sentence. */
export interface Verdict {
  readonly passed: boolean;
  readonly sentence: string;
}

/** Judges: no reanchor client failed a request that it could have served, and all had some to serve. */
export function verdict(clients: readonly ClientRecord[], steps: readonly TrustStep[]): Verdict {
  const promised = clients.filter(({ isReanchor }) => isReanchor);
  if (promised.length === 0) return { passed: false, sentence: "reanchor did not run." };
  for (const client of promised) {
    const { name, failed, requests } = outcome(client, steps);
    if (failed > 0) {
      const sentence = `${name} failed ${failed} of ${requests} requests that it could have served.`;
      return { passed: false, sentence };
    }
    const idle = steps.find((step, index) => {
      const next = steps[index + 1]?.at ?? Number.POSITIVE_INFINITY;
      return !client.requests.some(({ startedAt }) => startedAt >= step.at && startedAt < next);
    });
    if (idle !== undefined) {
      return { passed: false, sentence: `${name} made no request after "${idle.what}".` };
    }
  }
  const sentence = "reanchor failed no request but those that no client could have served.";
  return { passed: true, sentence };
}

/** How a slot of time went for a client. */
export type Slot = "idle" | "ok" | "unavoidable" | "failed";

/** A client's time in slots; the worst that happened in each counts. */
export function slots(
  client: ClientRecord,
  steps: readonly TrustStep[],
  slotMs: number,
  count: number,
): Slot[] {
  const rank: readonly Slot[] = ["idle", "ok", "unavoidable", "failed"];
  const windows = absences(steps);
  const found = Array.from({ length: count }, (): Slot => "idle");
  for (const request of client.requests) {
    const index = Math.min(count - 1, Math.floor(request.endedAt / slotMs));
    const how: Slot =
      request.error === undefined
        ? "ok"
        : isUnavoidable(request, windows)
          ? "unavoidable"
          : "failed";
    const before = found[index] ?? "idle";
    if (rank.indexOf(how) > rank.indexOf(before)) found[index] = how;
  }
  return found;
}
