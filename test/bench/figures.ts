/**
 * What the benchmark measures: figures, each with its goal.
 *
 * @module
 */

/** What a figure is counted in. */
export type Unit = "times" | "ns" | "ms" | "MB" | "kB" | "";

/** What a figure is to be. */
export interface Goal {
  readonly kind: "at least" | "at most" | "under" | "exactly";
  readonly value: number;
}

/** One thing that was measured. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  /** `undefined` where it is but reported. */
  readonly goal: Goal | undefined;
  /** What is behind the number, in a few words. */
  readonly detail: string;
}

/** What becomes of a goal. */
export type Verdict = "ok" | "missed" | "reported";

/** Holds a figure against its goal. */
export function judge({ value, goal }: Figure): Verdict {
  if (goal === undefined) return "reported";
  return isMet(value, goal) ? "ok" : "missed";
}

function isMet(value: number, goal: Goal): boolean {
  switch (goal.kind) {
    case "at least":
      return value >= goal.value;
    case "at most":
      return value <= goal.value;
    case "under":
      return value < goal.value;
    case "exactly":
      return value === goal.value;
  }
}

/** A goal. */
export function atLeast(value: number): Goal {
  return { kind: "at least", value };
}

/** A goal. */
export function atMost(value: number): Goal {
  return { kind: "at most", value };
}

/** A goal. */
export function under(value: number): Goal {
  return { kind: "under", value };
}

/** A goal. */
export function exactly(value: number): Goal {
  return { kind: "exactly", value };
}

/** How figures are come by. */
export interface BenchContext {
  /** The folder of the built package. */
  readonly dist: string;
  /** Whether rounds are few and short. */
  readonly isQuick: boolean;
  /** Says what is being done. */
  say(text: string): void;
}

/** A group of figures that are measured together. */
export interface Subject {
  readonly name: string;
  readonly what: string;
  measure(context: BenchContext): Promise<Figure[]>;
}

/** A subject can't be measured on this machine, for want of a program that it needs. */
export class LeftOutError extends Error {
  override readonly name = "LeftOutError";
}
