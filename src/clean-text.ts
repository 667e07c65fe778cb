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
  return cut(cleanText(name), 100);
}

/**
 * Makes a text from a server fit for a message: no control and no bidirectional character of it reaches a
 * terminal, and it does not fill a log.
 *
 * @param text What the server says.
 * @param maxLength How many characters of it are kept.
 */
export function cleanMessage(text: string, maxLength: number): string {
  // What is cut anyway need not be cleaned.
  const clean = cleanText(text.slice(0, 2 * maxLength));
  const left = text.length - Math.min(clean.length, maxLength);
  const isCut = clean.length > maxLength || text.length > 2 * maxLength;
  return isCut ? `${cut(clean, maxLength)}... (${left} more)` : clean;
}

/** The beginning of a text, without half a character at its end. */
function cut(text: string, maxLength: number): string {
  return text.slice(0, maxLength).replace(/\p{Cs}$/u, "");
}

/** Takes ANSI escape sequences and control characters out of a text. */
export function cleanText(written: string): string {
  return written
    .replace(/(?:\p{Cc}\[|\u{9b})[0-?]*[ -/]*[@-~]/gu, "")
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
}
