/**
 * Makes docstrings out of the descriptions in OpenAPI documents.
 *
 * @module
 */

const WIDTH = 110;

/** How much hover text is still read. */
const LENGTH = 500;

/** How a docstring is written. */
export interface DocstringOptions {
  /** What stands before each line. */
  readonly indent?: string;
  /** A sentence that is added. */
  readonly note?: string;
}

/**
 * Writes a description's first paragraph as a docstring: hover text, where the whole would be a wall.
 *
 * @param name What is described, and all there is to say where the description is missing.
 */
export function writeDocstring(
  description: string | undefined,
  name: string,
  { indent = "", note = "" }: DocstringOptions = {},
): string {
  const said = inComment(summarize(description ?? "") || sayInWords(name));
  const text = note === "" ? said : `${said.replace(/(?<![.!?])$/, ".")} ${note}`;
  const single = `${indent}/** ${text} */`;
  if (!text.includes("\n") && single.length <= WIDTH) return `${single}\n`;
  const lines = text
    .split("\n")
    .flatMap((line) => wrap(line, WIDTH - indent.length - " * ".length))
    .map((line) => `${indent} * ${line}\n`);
  return `${indent}/**\n${lines.join("")}${indent} */\n`;
}

/** The first paragraph, cut where it is long, and what it announces; an announced example is left out. */
function summarize(description: string): string {
  const [first = "", ...rest] = description.trim().split(/\n\s*\n/);
  if (!first.endsWith(":")) return cut(joinLines(first));
  const isExample = /^\s/.test(rest[0] ?? "");
  if (isExample) return joinLines(first).replace(/(?<=\.) [^.]*:$/, "");
  const isList = rest.map((paragraph) => isListItem(paragraph));
  const listed = isList.includes(false) ? isList.indexOf(false) : rest.length;
  return joinLines([first, ...rest.slice(0, Math.max(1, listed))].join("\n"));
}

/** Keeps whole sentences. */
function cut(text: string): string {
  const ends = [...text.matchAll(/[.!?](?=\s+[A-Z])/g)].map(({ index }) => index + 1);
  const end = ends.reduce<number | undefined>(
    (last, each) => (each <= LENGTH ? each : last),
    undefined,
  );
  return text.length <= LENGTH || end === undefined ? text : text.slice(0, end);
}

/** Joins lines that a description breaks, but not those of a list. */
function joinLines(paragraph: string): string {
  const lines: string[] = [];
  for (const line of paragraph.split("\n").map((each) => each.trim().replaceAll(/\s+/g, " "))) {
    if (lines.length === 0 || isListItem(line)) lines.push(line);
    else lines.push(`${lines.pop()} ${line}`);
  }
  return lines.join("\n");
}

function isListItem(line: string): boolean {
  return /^\s*[-*] /.test(line);
}

/** Keeps a text inside its comment, and clear of tags. */
export function inComment(text: string): string {
  return text
    .replaceAll("*/", String.raw`*\/`)
    .replaceAll(/(?<=^|\s)@\S+/g, "`$&`")
    .replaceAll("{@", "{ @");
}

/** Says `leaseDurationSeconds` as `Lease duration seconds.` */
function sayInWords(name: string): string {
  const words = name.match(/[A-Z]*[a-z0-9]+|[A-Z]+/g) ?? [name];
  const text = words.map((word) => (/[a-z]/.test(word) ? word.toLowerCase() : word)).join(" ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
