/**
 * From the bytes of a kubeconfig to its checked content. What is wrong is named by file, line and path, and
 * never quoted, since a kubeconfig is full of secrets.
 *
 * @module
 */

import { type Document, LineCounter, isAlias, isNode, parseAllDocuments } from "yaml";
import { SourceError } from "../errors.ts";
import { type Kubeconfig, kubeconfigSchema } from "./kubeconfig-schema.ts";

/** The largest kubeconfig that is read: 1 MiB, as the API server's objects. */
export const MAX_KUBECONFIG_BYTES: number = 1024 * 1024;

/** How many values aliases may stand for: more are there to fill the memory. */
const MAX_ALIASES = 100;

/**
 * Reads a kubeconfig. A text of several YAML documents is several kubeconfigs, as kube-rs has it.
 *
 * @param content Text, bytes (UTF-8 or, with its mark, UTF-16), or what was read already.
 * @param label What to call it in messages.
 * @throws {SourceError} where it is none.
 */
export function parseKubeconfigs(
  content: string | Uint8Array | object,
  label: string,
): Kubeconfig[] {
  if (typeof content === "object" && !(content instanceof Uint8Array)) {
    return [check(content, label, () => undefined)];
  }
  if (content.length > MAX_KUBECONFIG_BYTES) {
    throw new SourceError(`${label} is larger than 1 MiB`, "too-large");
  }
  const text = typeof content === "string" ? content.replace(/^\uFEFF/, "") : decode(content);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    merge: true,
    logLevel: "silent",
  });
  if (!Array.isArray(documents)) return [];
  return (documents as Document.Parsed[]).flatMap((document) => {
    const value = toValue(document, label, lines);
    if (value === null || value === undefined) return [];
    return [check(value, label, (path) => lineOf(document, path, lines))];
  });
}

function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  // A decoder drops the mark itself.
  return new TextDecoder(!isUtf16 ? "utf-8" : first === 0xff ? "utf-16le" : "utf-16be").decode(
    bytes,
  );
}

function toValue(document: Document.Parsed, label: string, lines: LineCounter): unknown {
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    // Its message quotes the text: its code says enough.
    const what = error.code.toLowerCase().replaceAll("_", " ");
    throw new SourceError(`${label} is not YAML: line ${line}, column ${col}: ${what}`, "invalid");
  }
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    throw new SourceError(
      `${label} has more YAML aliases than any kubeconfig needs, or one that leads nowhere; write the values out`,
      "invalid",
    );
  }
}

type Path = readonly PropertyKey[];

function check(
  value: unknown,
  label: string,
  findLine: (path: Path) => number | undefined,
): Kubeconfig {
  const result = kubeconfigSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path ?? [];
  const line = findLine(path);
  const where = line === undefined ? "" : ` (line ${line})`;
  const reason = issue?.message ?? "is wrong";
  throw new SourceError(`${label}: ${toText(path)}${where} ${reason}`, "invalid");
}

/** As in `users[2].user.exec.command`. */
function toText(path: Path): string {
  if (path.length === 0) return "the whole of it";
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
}

/** The line of a value, or where that is missing, of what should hold it. */
function lineOf(document: Document.Parsed, path: Path, lines: LineCounter): number | undefined {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown =
      length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && !isAlias(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}
