/**
 * JSON that keeps 64-bit integers exact, since a kubeconfig may pass them to a plugin.
 *
 * @module
 */

/** What ECMAScript 2026 has, and every runtime that runs programs. TypeScript does not know it yet. */
const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown };

/** As `JSON.stringify`, and an integer that no number holds keeps its digits. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "bigint" ? rawJSON(String(item)) : item,
  );
}
