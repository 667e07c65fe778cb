/**
 * What comes out of a file or a program, made fit for a message.
 *
 * @module
 */

/**
 * Makes a name out of a file fit for a message: no escape sequence of it reaches a terminal.
 *
 * @param name What the file says.
 * @returns At most 100 characters of it.
 */
export function cleanName(name: string): string {
  return cleanText(name).slice(0, 100);
}

/** Takes ANSI escape sequences and control characters out of a text. */
export function cleanText(written: string): string {
  return written
    .replace(/(?:\p{Cc}\[|\u{9b})[0-?]*[ -/]*[@-~]/gu, "")
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
}

/** The documents that are not empty, each checked by itself. */
