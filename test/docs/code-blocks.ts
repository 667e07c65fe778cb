/**
 * The code blocks of a Markdown text.
 *
 * @module
 */

/** A fenced block. */
export interface CodeBlock {
  readonly language: string;
  /** What follows the language, as in `no-run`. */
  readonly flags: readonly string[];
  readonly line: number;
  readonly code: string;
  /** Which of our entries its code imports. */
  readonly entries: readonly string[];
}

/** Finds the fenced blocks, those in lists included. */
export function codeBlocks(markdown: string): CodeBlock[] {
  return Array.from(
    markdown.matchAll(/^([ \t]*)```(\w*)([^\n]*)\n([\s\S]*?)^\1```[ \t]*$/gm),
    (match) => {
      const [, indent = "", language = "", info = "", text = ""] = match;
      const line = markdown.slice(0, match.index).split("\n").length;
      const code = text.replaceAll(new RegExp(`^${indent}`, "gm"), "");
      const imports = code.matchAll(/from "((?:@reanchor\/)?reanchor(?:\/[\w-]+)?)"/g);
      const entries = Array.from(imports, ([, entry = ""]) => entry);
      return { language, flags: info.split(/\s+/).filter(Boolean), line, code, entries };
    },
  );
}

/** The text without its fenced blocks, whose lines are left empty. */
export function withoutCodeBlocks(markdown: string): string {
  return markdown.replaceAll(/^([ \t]*)```[\s\S]*?^\1```[ \t]*$/gm, (block) =>
    block.replaceAll(/[^\n]/g, ""),
  );
}
