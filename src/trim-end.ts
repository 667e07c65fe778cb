/**
 * Takes characters off the end of a text.
 *
 * @module
 */

/**
 * Takes all of some characters off the end. A regular expression such as `/\/+$/` takes time that grows with the
 * square of the length where they are in the middle.
 */
export function trimEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
