/**
 * Quantities of the API, such as `100m` or `1.5Gi`, read exactly (apimachinery `pkg/api/resource`).
 *
 * @module
 */

/** How a quantity is written: with powers of ten, powers of 1024, or an exponent. */
export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

/** A quantity. The API knows nothing finer than a billionth. */
export interface ParsedQuantity {
  /** Its value in billionths. */
  readonly nanos: bigint;
  /** How it was written, and how {@link formatQuantity} writes it. */
  readonly format: QuantityFormat;
}

const NANOS_PER_UNIT = 1_000_000_000n;
const decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/** The largest exponent that is read: 18 digits more than the API can hold. */
const MAX_EXPONENT = 36;
const MAX_LENGTH = 64;

const syntax = /^([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,4}))?$/;

/**
 * Reads a quantity exactly. What is finer than a billionth is rounded away from zero, as the API does.
 *
 * @param text As in `100m`, `1.5Gi` or `1e3`.
 * @returns Its value.
 * @throws {TypeError} if the text is no quantity.
 *
 * @example
 * ```ts
 * import { formatQuantity, parseQuantity } from "@reanchor/reanchor/resources";
 *
 * const memory = parseQuantity("1.5Gi");
 * console.log(memory.nanos / 1_000_000_000n, formatQuantity(memory)); // 1610612736n 1536Mi
 * ```
 */
export function parseQuantity(text: string): ParsedQuantity {
  const match = typeof text === "string" && text.length <= MAX_LENGTH ? syntax.exec(text) : null;
  const [, sign = "", whole = "", fraction = "", suffix = "", exponent] = match ?? [];
  if (match === null || whole + fraction === "") throw notQuantity(text);
  const format = formatOf(suffix, exponent);
  const digits = BigInt(whole + fraction) * NANOS_PER_UNIT;
  const scale = scaleOf(suffix, exponent, text);
  const nanos = divideUp(digits * scale.times, scale.by * 10n ** BigInt(fraction.length));
  return { nanos: sign === "-" ? -nanos : nanos, format };
}

function formatOf(suffix: string, exponent: string | undefined): QuantityFormat {
  if (exponent !== undefined) return "DecimalExponent";
  return suffix.endsWith("i") ? "BinarySI" : "DecimalSI";
}

function scaleOf(
  suffix: string,
  exponent: string | undefined,
  text: string,
): { times: bigint; by: bigint } {
  if (suffix.endsWith("i"))
    return { times: 1024n ** BigInt(binarySuffixes.indexOf(suffix)), by: 1n };
  const power =
    exponent === undefined ? 3 * (decimalSuffixes.indexOf(suffix) - 3) : Number(exponent);
  if (Math.abs(power) > MAX_EXPONENT) throw notQuantity(text);
  return power < 0
    ? { times: 1n, by: 10n ** BigInt(-power) }
    : { times: 10n ** BigInt(power), by: 1n };
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

function notQuantity(text: unknown): TypeError {
  const shown = typeof text === "string" ? JSON.stringify(text.slice(0, MAX_LENGTH)) : String(text);
  return new TypeError(
    `Cannot read quantity ${shown}: it is no number with a suffix such as m, k, M, Gi or e3`,
  );
}

/**
 * Writes a quantity in the API's canonical form: no precision is lost, no digit stands behind a point, and the
 * suffix is as large as possible.
 *
 * @param quantity What {@link parseQuantity} returned, or a sum.
 */
export function formatQuantity({ nanos, format }: ParsedQuantity): string {
  if (nanos === 0n) return "0";
  const units = nanos / NANOS_PER_UNIT;
  const isBinary = format === "BinarySI" && nanos % NANOS_PER_UNIT === 0n;
  // Below 1024 there is nothing to write in powers of it.
  if (isBinary && (units <= -1024n || units >= 1024n)) {
    const [number, power] = withoutFactor(units, 1024n, binarySuffixes.length - 1);
    return `${number}${binarySuffixes[power]}`;
  }
  const [number, power] = withoutFactor(nanos, 1_000n, decimalSuffixes.length - 1);
  if (format !== "DecimalExponent") return `${number}${decimalSuffixes[power]}`;
  return power === 3 ? String(number) : `${number}e${3 * (power - 3)}`;
}

function withoutFactor(
  value: bigint,
  factor: bigint,
  most: number,
): [number: bigint, power: number] {
  let number = value;
  let power = 0;
  while (power < most && number % factor === 0n) {
    number /= factor;
    power += 1;
  }
  return [number, power];
}

/**
 * Compares two quantities, for sorting.
 *
 * @returns A negative number if the first is less, a positive one if it is more, 0 if they are equal.
 */
export function compareQuantities(a: string | ParsedQuantity, b: string | ParsedQuantity): number {
  const [left, right] = [read(a).nanos, read(b).nanos];
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * Adds quantities. The sum is written as the first of them that is not zero.
 *
 * @param quantities As text or read.
 */
export function addQuantities(...quantities: readonly (string | ParsedQuantity)[]): ParsedQuantity {
  const all = quantities.map(read);
  const nanos = all.reduce((sum, quantity) => sum + quantity.nanos, 0n);
  const format = all.find((quantity) => quantity.nanos !== 0n)?.format ?? "DecimalSI";
  return { nanos, format };
}

/** A quantity as a number of units, such as cores or bytes. A large or a fine one loses precision. */
export function quantityToNumber(quantity: string | ParsedQuantity): number {
  const { nanos } = read(quantity);
  return Number(nanos / NANOS_PER_UNIT) + Number(nanos % NANOS_PER_UNIT) / Number(NANOS_PER_UNIT);
}

function read(quantity: string | ParsedQuantity): ParsedQuantity {
  return typeof quantity === "string" ? parseQuantity(quantity) : quantity;
}
