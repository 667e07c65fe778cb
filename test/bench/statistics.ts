/**
 * What becomes of the numbers of many rounds.
 *
 * @module
 */

/** The value in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot find the median of no values");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  const lower = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** A ratio, and how far apart its rounds were. */
export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Compares round by round, so that a machine that slows down for a while slows both sides. */
export function ratio(values: readonly number[], bases: readonly number[]): Ratio {
  if (values.length !== bases.length)
    throw new RangeError("Cannot compare rounds: some are missing");
  const ratios = values.map((value, index) => value / (bases[index] ?? Number.NaN));
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}

/**
 * Measures contenders in turn, round after round; every second round in the opposite order, so that none is
 * always the first.
 *
 * @param measure measures one contender once
 * @returns the values of each contender, by its name
 */
export async function alternate<Name extends string, Value>(
  names: readonly Name[],
  rounds: number,
  measure: (name: Name, round: number) => Promise<Value>,
): Promise<Record<Name, Value[]>> {
  const entries = names.map((name): [Name, Value[]] => [name, []]);
  const values = Object.fromEntries(entries) as Record<Name, Value[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      values[name].push(await measure(name, round));
    }
  }
  return values;
}
