/**
 * JSON objects one after the other, as `jq` writes them and kubectl reads them.
 *
 * @module
 */

/**
 * Splits a text that is nothing but JSON objects. Each part keeps its place: what is before it is left as white
 * space, so that errors name the right line.
 *
 * @returns The text itself, as the only part, if it is anything else.
 */
export function jsonTexts(text: string): string[] {
  const ends = objectEnds(text);
  if (ends.length < 2) return [text];
  return ends.map((end, index) => {
    const begin = ends[index - 1] ?? 0;
    return text.slice(0, begin).replaceAll(/[^\n]/g, " ") + text.slice(begin, end);
  });
}

/** Where each of the objects ends; empty if the text has something else in it. */
function objectEnds(text: string): number[] {
  const ends: number[] = [];
  let depth = 0;
  let isInText = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (isInText) {
      if (character === "\\") at += 1;
      else if (character === '"') isInText = false;
    } else if (character === "{") {
      depth += 1;
    } else if (depth === 0) {
      if (!/\s/.test(character)) return [];
    } else if (character === '"') {
      isInText = true;
    } else if (character === "}" && --depth === 0) {
      ends.push(at + 1);
    }
  }
  return depth === 0 ? ends : [];
}
