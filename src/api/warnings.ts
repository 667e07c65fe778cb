/**
 * What a server warns of in a response's headers (RFC 7234 section 5.5).
 *
 * @module
 */

/** The texts of a `Warning` header. */
export function warningsOf(header: string | null): string[] {
  if (header === null) return [];
  const warnings = header.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g);
  return Array.from(warnings, ([, text = ""]) => text.replace(/\\(.)/g, "$1"));
}
