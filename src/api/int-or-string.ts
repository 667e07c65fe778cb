/**
 * Fields that are a number or a percentage, such as `maxUnavailable` (apimachinery `pkg/util/intstr`).
 *
 * @module
 */

/**
 * The number that such a field means.
 *
 * @param value A number, or a percentage such as `25%`.
 * @param total What it is a share of.
 * @param options `round`: which way a share is rounded; `down` by default.
 * @throws {TypeError} if the value is neither.
 *
 * @example
 * ```ts
 * import { resolveIntOrPercent } from "@reanchor/reanchor/resources";
 *
 * console.log(resolveIntOrPercent("25%", 10), resolveIntOrPercent("25%", 10, { round: "up" })); // 2 3
 * ```
 */
export function resolveIntOrPercent(
  value: number | string,
  total: number,
  { round = "down" }: { round?: "up" | "down" | undefined } = {},
): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  const percent = typeof value === "string" ? /^([+-]?\d{1,9})%$/.exec(value)?.[1] : undefined;
  if (percent === undefined) {
    throw new TypeError(
      `Cannot resolve ${JSON.stringify(value)}: it is neither a whole number nor a percentage such as 25%`,
    );
  }
  const share = (Number(percent) * total) / 100;
  return round === "up" ? Math.ceil(share) : Math.floor(share);
}
