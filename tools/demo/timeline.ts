/**
 * What happened in a run: the steps of the rotations, the requests of every client, and what follows
 * from the two. Times are milliseconds since the run began.
 *
 * @module
 */

/**
 * How long after the server's CA has come into the file a request may still begin and fail: reads of
 * the file that failures ask for are at least a cooldown (100 ms) apart.
 */
export const GRACE_MS = 150;

/** One request of one client. */
export interface RequestRecord {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly ok: boolean;
  /** Why it failed, in a word. */
  readonly code?: string | undefined;
}

/** One change, to the file or at the server. */
export interface Step {
  /** Which rotation it belongs to, counted from 1; 0 for how things are at first. */
  readonly rotation: number;
  /** What changed: `ca.crt` in the volume, or the certificate that the server presents. */
  readonly where: "file" | "server";
  /** The CAs in the file, or the one that signed the server's certificate. */
  readonly authorities: readonly number[];
  /** The moment before anybody could see the change. */
  readonly beganAt: number;
  /** The moment from which everybody sees it. */
  readonly endedAt: number;
}

/** A span in which the file did not hold the server's CA: who goes by it can only wait. */
export interface Absence {
  readonly from: number;
  readonly to: number;
  /** The moment before anybody could see the file that ended it. */
  readonly endBeganAt: number;
}

/** A client and what it did. */
export interface ClientLane {
  readonly id: string;
  readonly label: string;
  /** What it is made of, in a few words. */
  readonly detail: string;
  readonly isReanchor: boolean;
  readonly records: RequestRecord[];
  /** How its process ended, where it ended before it was told to. */
  died?: string | undefined;
}

/** A run. */
export interface Timeline {
  readonly clients: readonly ClientLane[];
  readonly steps: readonly Step[];
  readonly durationMs: number;
}

/** How a request went. A failure that waiting would have avoided is told apart from the others. */
export type Outcome = "ok" | "excused" | "failed";

/** What a slot of time shows: the worst that began in it; `none`: nothing did. */
export type SlotState = Outcome | "none";

/**
 * Finds the spans in which the file did not hold the server's CA.
 *
 * @param steps the steps so far, in order
 * @returns the spans; one that has not ended yet ends at `Infinity`
 */
export function findAbsences(steps: readonly Step[]): Absence[] {
  const absences: Absence[] = [];
  let trusted: readonly number[] = [];
  let presented: readonly number[] = [];
  let from: number | undefined;
  for (const step of steps) {
    if (step.where === "file") trusted = step.authorities;
    else presented = step.authorities;
    const isAbsent = presented.some((authority) => !trusted.includes(authority));
    if (step.rotation === 0) continue; // Things are being set up.
    if (isAbsent && from === undefined) from = step.beganAt;
    if (!isAbsent && from !== undefined) {
      absences.push({ from, to: step.endedAt, endBeganAt: step.beganAt });
      from = undefined;
    }
  }
  const never = Number.POSITIVE_INFINITY;
  if (from !== undefined) absences.push({ from, to: never, endBeganAt: never });
  return absences;
}

/** The spans that excuse a client's failures: none does for reanchor, whose requests wait for the file. */
export function findExcuses(
  { isReanchor }: Pick<ClientLane, "isReanchor">,
  steps: readonly Step[],
): Absence[] {
  return isReanchor ? [] : findAbsences(steps);
}

/**
 * Judges one request: a failure is excused if it began while the server's CA was absent from
 * the file, or within {@linkcode GRACE_MS} after it came.
 */
export function judgeRequest(record: RequestRecord, absences: readonly Absence[]): Outcome {
  if (record.ok) return "ok";
  const { startedAt } = record;
  const isExcused = absences.some(
    ({ from, to }) => from <= startedAt && startedAt <= to + GRACE_MS,
  );
  return isExcused ? "excused" : "failed";
}

/** How many slots of time there are, and how long each is. */
export interface Slots {
  readonly slotMs: number;
  readonly count: number;
}

/**
 * Cuts a client's requests into slots of time, each by when it began.
 *
 * @param records the requests
 * @param absences when failures could not be avoided
 */
export function cutIntoSlots(
  records: readonly RequestRecord[],
  absences: readonly Absence[],
  { slotMs, count }: Slots,
): SlotState[] {
  const slots = Array.from<SlotState>({ length: count }).fill("none");
  for (const record of records) {
    const index = Math.floor(record.startedAt / slotMs);
    const before = slots[index];
    if (before === undefined) continue;
    slots[index] = worse(before, judgeRequest(record, absences));
  }
  return slots;
}

/** A stretch of time in which all requests went the same way. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly outcome: Outcome;
}

/** A client that asks for nothing for so long is shown as silent. */
const SILENCE_MS = 200;

/**
 * Joins a client's requests into stretches that went the same way. A request fills the time until the
 * next one begins, unless that is long after its own end.
 */
export function findStretches(
  records: readonly RequestRecord[],
  absences: readonly Absence[],
): Stretch[] {
  const stretches: Stretch[] = [];
  const sorted = records.toSorted((a, b) => a.startedAt - b.startedAt);
  for (const [index, record] of sorted.entries()) {
    const outcome = judgeRequest(record, absences);
    const next = sorted[index + 1]?.startedAt ?? record.endedAt;
    const to = next - record.endedAt > SILENCE_MS ? record.endedAt : next;
    const last = stretches.at(-1);
    if (last?.outcome === outcome && last.to === record.startedAt) {
      stretches[stretches.length - 1] = { ...last, to };
    } else {
      stretches.push({ from: record.startedAt, to, outcome });
    }
  }
  return stretches;
}

const severity: Record<SlotState, number> = { none: 0, ok: 1, excused: 2, failed: 3 };

function worse(a: SlotState, b: SlotState): SlotState {
  return severity[a] > severity[b] ? a : b;
}

/** Says what a step does, in a sentence without a full stop. */
export function describeStep({ rotation, where, authorities }: Step, isAbsent: boolean): string {
  const names = authorities.map((authority) => `CA ${authority}`).join(" and ");
  const change =
    where === "file"
      ? `ca.crt now holds ${names}`
      : `the server's certificate is now from ${names}`;
  const absent = isAbsent ? ", which ca.crt does not hold yet" : "";
  return `rotation ${rotation}: ${change}${absent}`;
}
