/**
 * The events of a run: the steps of the rotations, the requests of every client, and the results of both.
 * Times are milliseconds since the run began.
 *
 * @module
 */

/**
 * For how long after the server's CA has arrived in the file a new request may still fail. Failures cause
 * reads of the file that are at least a cooldown (100 ms) apart.
 */
export const GRACE_MS = 150;

/** A request of a client. */
export interface RequestRecord {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly ok: boolean;
  /** Why it failed, in one word. */
  readonly code?: string | undefined;
}

/** A change to the file or to the server. */
export interface Step {
  /** The number of its rotation, from 1; 0 for the initial state. */
  readonly rotation: number;
  /** What changed: `ca.crt` in the volume, or the certificate that the server presents. */
  readonly where: "file" | "server";
  /** The CAs in the file, or the one that signed the server's certificate. */
  readonly authorities: readonly number[];
  /** The last moment before the change was visible to anyone. */
  readonly beganAt: number;
  /** The moment from which it was visible to everyone. */
  readonly endedAt: number;
}

/** A span in which the file lacked the server's CA. A client that depends on the file can only wait. */
export interface Absence {
  readonly from: number;
  readonly to: number;
  /** The last moment before the file that ended it was visible to anyone. */
  readonly endBeganAt: number;
}

/** A client and its requests. */
export interface ClientLane {
  readonly id: string;
  readonly label: string;
  /** What it consists of, in a few words. */
  readonly detail: string;
  readonly isReanchor: boolean;
  readonly records: RequestRecord[];
  /** How its process ended, if it ended before it was asked to. */
  died?: string | undefined;
}

/** A run. */
export interface Timeline {
  readonly clients: readonly ClientLane[];
  readonly steps: readonly Step[];
  readonly durationMs: number;
}

/** The result of a request. Failures that waiting would have avoided are distinguished from others. */
export type Outcome = "ok" | "excused" | "failed";

/**
 * The content of a slot of time: the worst result of the requests that began in it; `none` if there were
 * none.
 */
export type SlotState = Outcome | "none";

/**
 * Finds the spans in which the file lacked the server's CA.
 *
 * @param steps the steps so far, in order
 * @returns the spans; a current one ends at `Infinity`
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
    if (step.rotation === 0) continue; // The initial state is still being set up.
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

/**
 * The spans that excuse a client's failures. There are none for reanchor, whose requests wait for the file.
 */
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

/** The number of time slots, and the length of each. */
export interface Slots {
  readonly slotMs: number;
  readonly count: number;
}

/**
 * Assigns a client's requests to slots of time, by their start.
 *
 * @param records the requests
 * @param absences the spans in which failures could not be avoided
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

/** A stretch of time in which all requests had the same result. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly outcome: Outcome;
}

/** A client that sends nothing for this long is shown as silent. */
const SILENCE_MS = 200;

/**
 * Joins a client's requests into stretches with the same result. A request fills the time until the next one
 * begins, unless that is long after its own end.
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

/** Describes a step, in a sentence without a full stop. */
export function describeStep({ rotation, where, authorities }: Step, isAbsent: boolean): string {
  const names = authorities.map((authority) => `CA ${authority}`).join(" and ");
  const change =
    where === "file"
      ? `ca.crt now holds ${names}`
      : `the server's certificate is now from ${names}`;
  const absent = isAbsent ? ", which ca.crt does not hold yet" : "";
  return `rotation ${rotation}: ${change}${absent}`;
}
