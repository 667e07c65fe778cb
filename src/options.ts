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
 * Checks a duration, and returns it.
 *
 * @throws {TypeError} if it is no number. @throws {RangeError} if it is out of range.
 */
export function checkDuration(
  name: string,
  value: number | undefined,
  { min, max }: DurationRange,
): number | undefined {
  if (value === undefined) return undefined;
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
 * Checks the option `maxResponseBytes`, and returns it.
 *
 * @throws {TypeError} if it is no number. @throws {RangeError} if it is out of range.
 */
export function checkMaxResponseBytes(value: number | undefined): number | undefined {
  return checkCount("maxResponseBytes", value, "bytes");
}

/**
 * Checks an option that is a number of things, and returns it.
 *
 * @param unit What is counted, as in `connections`.
 * @throws {TypeError} if it is no number. @throws {RangeError} if it is out of range.
 */
export function checkCount(
  name: string,
  value: number | undefined,
  unit: string,
): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new TypeError(`Cannot use option ${name}: it must be a number of ${unit}`);
  }
  if (value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)) return value;
  throw new RangeError(
    `Cannot use option ${name}: ${value} is no whole number of at least 1, nor Infinity`,
  );
}

/**
 * Checks an option that is on or off: `"false"` would be on, and `dryRun: "All"` off.
 *
 * @throws {TypeError} if it is anything else.
 */
export function checkFlag(name: string, value: boolean | undefined): boolean {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw new TypeError(`Cannot use option ${name}: it must be true or false, not ${kindOf(value)}`);
}

/**
 * Checks that options are an object, and that each of them exists: a misspelt security option must not pass for the
 * real one.
 *
 * @throws {TypeError} naming the unknown option and all that exist.
 */
export function checkKnown(what: string, options: object, known: readonly string[]): void {
  checkObject(`the options of ${what}`, options, `they can have ${known.join(", ")}`);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new TypeError(
      `Cannot use option ${name} of ${what}: it does not exist; the options are ${known.join(", ")}`,
    );
  }
}

/**
 * Checks that a value is an object: callers in JavaScript pass all kinds of things.
 *
 * @param what What it is, as in `the options of list`.
 * @param hint What the caller may have meant by it, as in `pass { path: "..." }`.
 * @throws {TypeError} saying what it is instead.
 */
export function checkObject(what: string, value: unknown, hint: string): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new TypeError(`Cannot use ${what}: expected an object, not ${kindOf(value)}; ${hint}`);
}

/**
 * Checks the path of a file.
 *
 * @param what What is read from it, as in `a CA bundle`.
 * @throws {TypeError} if it is not a string, or empty.
 */
export function checkPath(what: string, path: unknown): asserts path is string {
  if (typeof path === "string" && path !== "") return;
  const given = path === "" ? "an empty string" : kindOf(path);
  throw new TypeError(`Cannot read ${what}: expected the path of a file, not ${given}`);
}

/** A value in words. It is not quoted: it may be a secret in the wrong place. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (value instanceof Promise) return "a promise (await it)";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/**
 * Checks the name of a field manager, by the rules of the API server.
 *
 * @throws {TypeError} if it is not a name of 1 to 128 printable characters.
 */
export function checkFieldManager(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const isName =
    typeof name === "string" && name.trim() !== "" && !/[\p{C}\p{Zl}\p{Zp}]/u.test(name);
  if (isName && new TextEncoder().encode(name).length <= 128) return name;
  throw new TypeError(
    "Cannot use option fieldManager: it must be a name of 1 to 128 printable characters, such as the program's",
  );
}
