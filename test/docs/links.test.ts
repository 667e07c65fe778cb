/**
 * Every link of the documentation to a file or a heading of this project leads somewhere.
 *
 * @module
 */

import { access } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { withoutCodeBlocks } from "./code-blocks.ts";
import { type MarkdownDocument, readDocumentation, readDocuments, root } from "./documents.ts";

const others = ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
const documents = [...(await readDocumentation()), ...(await readDocuments(others))];

/** The targets of links and images, in Markdown and in HTML. */
function linksOf(markdown: string): string[] {
  const text = withoutCodeBlocks(markdown).replaceAll(/`[^`\n]*`/g, "");
  const targets = /\]\(\s*<?([^)\s>]+)|^\[[^\]]+\]:\s*(\S+)|\b(?:href|src|srcset)="([^"]+)"/gm;
  return Array.from(text.matchAll(targets), ([, inline, reference, html]) => {
    return inline ?? reference ?? html ?? "";
  });
}

/** The anchors that GitHub gives to headings: a repeated one gets a number. */
function anchorsOf(markdown: string): Set<string> {
  const text = withoutCodeBlocks(markdown);
  const anchors = new Set<string>();
  for (const [, heading = ""] of text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  for (const [, id = ""] of text.matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

async function isThere(path: string): Promise<boolean> {
  return await access(join(root, path)).then(
    () => true,
    () => false,
  );
}

async function brokenLinksOf({ path, text }: MarkdownDocument): Promise<string[]> {
  const broken: string[] = [];
  for (const link of linksOf(text)) {
    if (/^[a-z][a-z\d+.-]*:/i.test(link)) continue;
    const [file = "", anchor] = decodeURI(link).split("#", 2);
    const target = file === "" ? path : normalize(join(dirname(path), file));
    if (target.startsWith("..") || !(await isThere(target))) broken.push(link);
    else if (anchor !== undefined && target.endsWith(".md")) {
      const [document] = await readDocuments([target]);
      if (document !== undefined && !anchorsOf(document.text).has(anchor)) broken.push(link);
    }
  }
  return broken;
}

test("linksOf() finds links, references, images and HTML, and none in code", () => {
  const text =
    '[a](b.md) ![c](d.svg) `[e](f)`\n\n```md\n[g](h)\n```\n<img src="i.png">\n[j]: k.md\n';
  expect(linksOf(text)).toEqual(["b.md", "d.svg", "i.png", "k.md"]);
});

test("anchorsOf() names headings as GitHub does", () => {
  const text =
    "# What `it` does, and why\n## A [link](x)\n## Same\n## Same\n```sh\n# no heading\n```\n";
  expect(Array.from(anchorsOf(text))).toEqual(["what-it-does-and-why", "a-link", "same", "same-1"]);
});

test.each(documents)("every relative link of $path leads somewhere", async (document) => {
  expect(await brokenLinksOf(document)).toEqual([]);
});
