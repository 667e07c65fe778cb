/**
 * How far a log has been told, by the times at its lines' beginnings.
 *
 * @module
 */

/** See the module. Several lines may have one time, and a log can only be asked for from a whole second on. */
export class LogPosition {
  readonly #keepsTimes: boolean;
  #time: Time | undefined;
  /** How many lines of that time have been told. */
  #told = 0;
  /** How many of them have been met since the log was asked for again. */
  #met = 0;

  /** @param keepsTimes Whether lines keep the times at their beginnings. */
  constructor(keepsTimes: boolean) {
    this.#keepsTimes = keepsTimes;
  }

  /** Begins anew, and says how to ask for the log from here on. Times are always asked for, since they are gone by. */
  askAgain(): Readonly<Record<string, string | undefined>> {
    this.#met = 0;
    if (this.#time === undefined) return { timestamps: "true" };
    const sinceTime = this.#time.text;
    // What came first has been told: it must not cut off what comes now.
    return { timestamps: "true", sinceTime, sinceSeconds: undefined, tailLines: undefined };
  }

  /** Goes on to a line, and gives it back as it is to be told; `undefined` where it was told before. */
  advance(line: string): string | undefined {
    const time = readTime(line);
    if (time === undefined) return line;
    const order = this.#time === undefined ? 1 : compare(time, this.#time);
    if (order < 0) return undefined;
    if (order > 0) {
      this.#time = time;
      this.#told = 0;
      this.#met = 0;
    }
    this.#met += 1;
    if (this.#met <= this.#told) return undefined;
    this.#told = this.#met;
    return this.#keepsTimes ? line : line.slice(time.text.length + 1);
  }
}

interface Time {
  readonly text: string;
  readonly seconds: number;
  /** The digits of the fraction, as a fraction of one. */
  readonly fraction: string;
}

function readTime(line: string): Time | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)(?: |$)/.exec(line);
  if (match === null) return undefined;
  const [, date = "", fraction = "", zone = ""] = match;
  const text = `${date}${fraction && "."}${fraction}${zone}`;
  return { text, seconds: Date.parse(`${date}${zone}`), fraction: fraction.replace(/0+$/, "") };
}

function compare(a: Time, b: Time): number {
  if (a.seconds !== b.seconds) return a.seconds - b.seconds;
  // Without zeros at the end, digits after the point sort as text.
  if (a.fraction === b.fraction) return 0;
  return a.fraction < b.fraction ? -1 : 1;
}
