/**
 * How far a log has been delivered, so that after a lost connection no line comes twice and none is left out.
 *
 * A log can be requested from a whole second on. Its lines are in the order in which they were written, and
 * each begins with a time. The times are not quite in order: stdout and stderr are stamped separately. So the
 * log is requested from a little earlier on, and what has been delivered is recognised by time and text.
 *
 * @module
 */

/** How far times may be out of order. */
const WINDOW_MS = 5_000;
/** How many lines are remembered; of more in so short a time, the oldest count as delivered. */
const MAX_LINES = 50_000;

/** A delivered line. */
interface Delivered {
  readonly at: number;
  /** How many equal ones there are. */
  count: number;
}

export class LogPosition {
  readonly #keepsTimes: boolean;
  /** The times of the latest line and of the last one, in milliseconds since the epoch. */
  #latest = -Infinity;
  #last = -Infinity;
  /** The lines of the window, as they came, in their order. */
  readonly #delivered = new Map<string, Delivered>();
  /** The last delivered line: once it has come again, all that could be repeated has. */
  #lastLine = "";
  /** Up to this time, lines have been forgotten. */
  #forgottenUntil = -Infinity;
  /** Since the log was requested again: how often each of them has come, and how many are still to come. */
  readonly #repeated = new Map<string, number>();
  #toRepeat = 0;
  #resumedAt = -Infinity;

  /** @param keepsTimes Whether lines keep the times at their beginnings. */
  constructor(keepsTimes: boolean) {
    this.#keepsTimes = keepsTimes;
  }

  /** Says how to request the log from here on. Times are always requested, since lines are recognised by them. */
  resume(): Readonly<Record<string, string | undefined>> {
    const position = this.#position;
    if (position === -Infinity) return { timestamps: "true" };
    this.#repeated.clear();
    this.#toRepeat = 0;
    for (const { count } of this.#delivered.values()) this.#toRepeat += count;
    this.#resumedAt = position;
    const seconds = Math.floor((position - WINDOW_MS) / 1_000);
    const sinceTime = new Date(seconds * 1_000).toISOString();
    // What limited the first request must not limit this one.
    return { timestamps: "true", sinceTime, sinceSeconds: undefined, tailLines: undefined };
  }

  /** Goes on to a line. Returns it as it is to be delivered, or `undefined` if it has been. */
  advance(line: string): string | undefined {
    const time = readTime(line);
    if (time === undefined) return line;
    if (this.#toRepeat > 0 && this.#isRepeated(line, time.at)) return undefined;
    this.#remember(line, time.at);
    return this.#keepsTimes ? line : line.slice(time.length + 1);
  }

  /** If a clock was set back, the log continues from there. */
  get #position(): number {
    return Math.min(this.#latest, this.#last);
  }

  #isRepeated(line: string, at: number): boolean {
    const repeated = (this.#repeated.get(line) ?? 0) + 1;
    const count = this.#delivered.get(line)?.count ?? 0;
    if (repeated <= count) {
      this.#repeated.set(line, repeated);
      this.#toRepeat -= 1;
      if (line === this.#lastLine && repeated === count) this.#toRepeat = 0;
      return true;
    }
    // All that could be repeated has been passed, though the log may have been rotated away below it. If the clock
    // was set back, what was written before that comes first, with later times.
    if (at > Math.max(this.#resumedAt, this.#forgottenUntil) + WINDOW_MS) this.#toRepeat = 0;
    return at < this.#resumedAt - WINDOW_MS || at <= this.#forgottenUntil;
  }

  #remember(line: string, at: number): void {
    this.#latest = Math.max(this.#latest, at);
    this.#last = at;
    const known = this.#delivered.get(line);
    if (known === undefined) this.#delivered.set(line, { at, count: 1 });
    else known.count += 1;
    this.#lastLine = line;
    // While they are repeated, all are needed, and this one has come by now.
    if (this.#toRepeat > 0) {
      this.#repeated.set(line, (this.#repeated.get(line) ?? 0) + 1);
      return;
    }
    // A little more than is requested again: the position itself moves with the times' disorder.
    const begin = this.#position - 2 * WINDOW_MS;
    for (const [oldest, { at: oldestAt }] of this.#delivered) {
      const isSurplus = this.#delivered.size > MAX_LINES;
      if (oldestAt >= begin && !isSurplus) break;
      this.#delivered.delete(oldest);
      this.#forgottenUntil = Math.max(this.#forgottenUntil, oldestAt);
    }
  }
}

interface Time {
  /** In milliseconds since the epoch. */
  readonly at: number;
  /** How many characters of the line it takes. */
  readonly length: number;
}

function readTime(line: string): Time | undefined {
  // Nothing longer is a time; and the line may be long.
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)(?= |$)/.exec(
    line.slice(0, 40),
  );
  if (match === null) return undefined;
  const [{ length }, seconds = "", fraction = "0", zone = ""] = match;
  const at = Date.parse(`${seconds}${zone}`) + 1_000 * Number(fraction);
  return Number.isNaN(at) ? undefined : { at, length };
}
