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
 * terminal, and it does not fill a log. Of a long text, both ends are kept: the reason often is the end.
 *
 * @param text What the server says.
 * @param maxLength How many characters of it are kept.
 */
export function cleanMessage(text: string, maxLength: number): string {
  // What is left out anyway need not be cleaned.
  const whole = text.length <= 2 * maxLength ? cleanText(text) : text;
  if (whole.length <= maxLength) return whole;
  const endLength = Math.floor(maxLength / 3);
  const begin = cut(cleanText(whole.slice(0, 2 * maxLength)), maxLength - endLength);
  const end = cleanText(whole.slice(-2 * maxLength))
    .slice(-endLength)
    .replace(/^\p{Cs}/u, "");
  return `${begin} ... (${whole.length - begin.length - end.length} characters left out) ... ${end}`;
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

/** Writes the characters that a terminal acts on, or does not show, as escapes. */
export function escapeInvisible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`;
  });
}
