/**
 * Times with microseconds, as leases and events have them.
 *
 * @module
 */

/**
 * Writes a time for a field of Kubernetes' type `MicroTime`, as `renewTime` of a Lease and `eventTime` of an
 * Event. The API server rejects what `toISOString()` writes there: it requires six digits of a second.
 *
 * @param date The time.
 * @returns The time by RFC 3339 in UTC. The last three digits are zero: a `Date` has milliseconds.
 * @throws {RangeError} if the date is invalid, or its year does not have four digits.
 *
 * @example
 * ```ts
 * import { microTime } from "@reanchor/reanchor/resources";
 *
 * console.log(microTime(new Date(0))); // 1970-01-01T00:00:00.000000Z
 * ```
 */
export function microTime(date: Date): string {
  if (!(date instanceof Date)) throw new TypeError("Cannot write a MicroTime: it takes a Date");
  const text = Number.isNaN(date.getTime()) ? "" : date.toISOString();
  if (!/^\d{4}-/.test(text)) {
    throw new RangeError("Cannot write a MicroTime: the date is invalid, or beyond year 9999");
  }
  return text.replace("Z", "000Z");
}
