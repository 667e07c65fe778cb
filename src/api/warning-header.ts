/**
 * What a server warns of in a response's headers (RFC 7234 section 5.5).
 *
 * @module
 */

import { cleanMessage } from "../clean-text.ts";

/** API servers send 4 KiB of warnings at the most (apiserver `pkg/warning`). */
const MAX_HEADER = 16 * 1024;
const MAX_MESSAGE = 1_000;
const MAX_WARNINGS = 100;

/** The texts of a `Warning` header, fit for a message. */
export function warningsOf(header: string | null): string[] {
  if (header === null) return [];
  const warnings = header.slice(0, MAX_HEADER).matchAll(/\b\d{3} [^\s"]+ "((?:[^"\\]|\\.)*)"/g);
  return Array.from(warnings, ([, text = ""]) =>
    cleanMessage(text.replace(/\\(.)/g, "$1"), MAX_MESSAGE),
  ).slice(0, MAX_WARNINGS);
}
