/**
 * Durations of the API, such as `1h30m`, as Go writes them (`time.Duration`).
 *
 * @module
 */

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const MAX_LENGTH = 64;
const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/**
 * Reads a duration (Go's `time.ParseDuration`).
 *
 * @param text As in `1h30m` or `1.5s`.
 * @returns Milliseconds.
 * @throws {TypeError} if the text is no duration.
 *
 * @example
 * ```ts
 * import { formatDuration, parseDuration } from "@reanchor/reanchor/resources";
 *
 * console.log(parseDuration("1h30m"), formatDuration(90_000)); // 5400000 1m30s
 * ```
 */
export function parseDuration(text: string): number {
  if (typeof text === "string" && /^[+-]?0$/.test(text)) return 0;
  const begin = /^[+-]/.test(text) ? 1 : 0;
  const ms = typeof text === "string" && text.length <= MAX_LENGTH ? sumOf(text, begin) : undefined;
  if (ms === undefined) {
    const shown =
      typeof text === "string" ? JSON.stringify(text.slice(0, MAX_LENGTH)) : String(text);
    throw new TypeError(`Cannot read duration ${shown}: it is no number with a unit, as in 1h30m`);
  }
  return text.startsWith("-") ? -ms : ms;
}

/** The parts from a place to the end; `undefined` if there are none, or something else is between them. */
function sumOf(text: string, begin: number): number | undefined {
  let ms = 0;
  let at = begin;
  while (at < text.length) {
    part.lastIndex = at;
    const match = part.exec(text);
    if (match === null) return undefined;
    const [{ length }, number = "", unit = ""] = match;
    ms += Number(number) * (unitMs[unit] ?? 0);
    at += length;
  }
  return at === begin ? undefined : ms;
}

/**
 * Writes a duration as Go does (`time.Duration.String`), to the nanosecond.
 *
 * @param ms Milliseconds.
 * @throws {TypeError} if it is no finite number.
 */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) throw new TypeError("Cannot write a duration: it is no finite number");
  const nanos = Math.round(Math.abs(ms) * 1e6);
  if (nanos === 0) return "0s";
  const sign = ms < 0 ? "-" : "";
  if (nanos < 1e3) return `${sign}${nanos}ns`;
  if (nanos < 1e6) return `${sign}${nanos / 1e3}µs`;
  if (nanos < 1e9) return `${sign}${nanos / 1e6}ms`;
  const totalSeconds = Math.floor(nanos / 1e9);
  const seconds = (totalSeconds % 60) + (nanos % 1e9) / 1e9;
  const minutes = Math.floor(totalSeconds / 60);
  const hours = Math.floor(minutes / 60);
  const rest = `${Number(seconds.toFixed(9))}s`;
  if (minutes === 0) return `${sign}${rest}`;
  return hours === 0 ? `${sign}${minutes}m${rest}` : `${sign}${hours}h${minutes % 60}m${rest}`;
}
