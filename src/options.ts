/**
 * Checks what callers pass, so that a mistake is named where it is made.
 *
 * @module
 */

/** Which durations make sense, in milliseconds. */
export interface DurationRange {
  readonly min: number;
  readonly max: number;
}

/** Timers of every runtime overflow past this and then fire at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** For a time limit that may be switched off with `Infinity`. */
export const timeLimit: DurationRange = { min: 1, max: Number.POSITIVE_INFINITY };

/**
 * Checks a duration.
 *
 * @returns It, or the fallback where it is `undefined`.
 * @throws {TypeError} where it is no number. @throws {RangeError} where it is out of range.
 */
export function checkDuration(
  name: string,
  value: number | undefined,
  fallback: number,
  { min, max }: DurationRange,
): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new TypeError(`Cannot use option ${name}: it must be a number of milliseconds`);
  }
  if (value < min || value > max || (value > MAX_TIMER_MS && value !== Number.POSITIVE_INFINITY)) {
    const top = max === Number.POSITIVE_INFINITY ? `${MAX_TIMER_MS}, or Infinity` : String(max);
    throw new RangeError(`Cannot use option ${name}: ${value} is not from ${min} to ${top} (ms)`);
  }
  return value;
}

/**
 * Checks the option `maxResponseBytes`.
 *
 * @returns It, or the fallback where it is `undefined`.
 * @throws {TypeError} where it is no number. @throws {RangeError} where it is out of range.
 */
export function checkMaxResponseBytes(value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new TypeError("Cannot use option maxResponseBytes: it must be a number of bytes");
  }
  if (value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)) return value;
  throw new RangeError(
    `Cannot use option maxResponseBytes: ${value} is no whole number of at least 1, nor Infinity`,
  );
}

/**
 * Refuses options that do not exist: a misspelt security option must not pass for the real one.
 *
 * @throws {TypeError} naming the option and those that there are.
 */
export function checkKnown(what: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new TypeError(
      `Cannot use option ${name} of ${what}: there is none of that name; there are ${known.join(", ")}`,
    );
  }
}
