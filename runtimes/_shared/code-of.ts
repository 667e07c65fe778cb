/**
 * The codes of Node's errors.
 *
 * @module
 */

/**
 * The code of an error, such as `ENOENT`; `undefined` if it has none. Not by `instanceof`: in Jest, which runs tests in
 * another realm, Node's own errors are none of that realm's.
 */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
