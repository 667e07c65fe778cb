/**
 * The code blocks of a Markdown text.
 *
 * @module
 */

/** A fenced block. */
export interface CodeBlock {
  readonly language: string;
  readonly line: number;
  readonly code: string;
  /** Which entry its code imports. */
  readonly entry: string | undefined;
}

/** Finds the fenced blocks. */
export function codeBlocks(markdown: string): CodeBlock[] {
  return Array.from(markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm), (match) => {
    const [, language = "", code = ""] = match;
    const line = markdown.slice(0, match.index).split("\n").length;
    const entry = /from "((?:@reanchor\/)?reanchor(?:\/[\w-]+)?)"/.exec(code)?.[1];
    return { language, line, code, entry };
  });
}
