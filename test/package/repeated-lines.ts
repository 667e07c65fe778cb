/**
 * Runs of lines that occur more than once.
 *
 * @module
 */

/** Where a repeated run begins, in two files. */
export interface RepeatedRun {
  readonly places: readonly [string, string];
  readonly text: string;
}

/** What each file says itself: imports, lists of names (those that an entry binds, too), and the end of a block. */
const listed =
  /^(?:import\b|export (?:type )?[{*]|\}? ?from "|(?:type )?\w+,$|[\])};,]*$|export const \w+: RuntimeFunctions\[|core\.bind\w+\(runtime\);$)/;

/**
 * Finds runs of lines that two files have alike. Comments, indentation, imports and lists of names don't count.
 *
 * @param files Their text, by their path.
 * @param length How many lines a run has.
 */
export function repeatedRuns(files: ReadonlyMap<string, string>, length: number): RepeatedRun[] {
  const seen = new Map<string, string>();
  const found: RepeatedRun[] = [];
  for (const [path, text] of files) {
    const lines = codeLines(text);
    for (let at = 0; at + length <= lines.length; at++) {
      const run = lines.slice(at, at + length);
      const key = run.map((line) => line.text).join("\n");
      const place = `${path}:${run[0]?.number}`;
      const first = seen.get(key);
      if (first === undefined) seen.set(key, place);
      else {
        found.push({ places: [first, place], text: key });
        at += length - 1;
      }
    }
  }
  return found;
}

/** The lines that count, without their indentation, by their number. */
function codeLines(text: string): { readonly number: number; readonly text: string }[] {
  const withoutComments = text.replaceAll(/\/\*[^]*?\*\//g, (comment) =>
    comment.replaceAll(/[^\n]/g, ""),
  );
  return withoutComments
    .split("\n")
    .map((line, index) => ({ number: index + 1, text: line.replace(/(^|\s)\/\/.*$/, "").trim() }))
    .filter((line) => !listed.test(line.text));
}
