/**
 * From the text of a kubeconfig to plain values: YAML, and so JSON too, in UTF-8 or UTF-16.
 *
 * @module
 */

import { decodeText } from "../../bytes.ts";
import { messageOf } from "../../callback.ts";
import {
  MAX_VALUES,
  type PlainDocument,
  Refusal,
  put,
  readYaml,
  textualScalar,
} from "../../yaml/yaml-documents.ts";

/** The largest kubeconfig that is read: 16 MiB. */
export const MAX_KUBECONFIG_BYTES: number = 16 * 1024 * 1024;
const TOO_LARGE = "it is larger than 16 MiB";

const MAX_DEPTH = 64;

/** Receives what is odd about a text and yet no reason to reject it. It names a line and quotes nothing. */
export type Warn = (message: string) => void;

/**
 * Reads the first document of a text, as kubectl does. Of a key that a mapping has twice, the last wins.
 *
 * @returns `undefined` if the text is empty: no byte, white space, comments, or `null`.
 * @throws {Refusal} if it is not YAML, or larger than any kubeconfig.
 */
export function readDocument(
  content: string | Uint8Array | object,
  warn: Warn,
): PlainDocument | undefined {
  if (typeof content === "string") return readText(content, warn);
  if (content instanceof Uint8Array) return readText(decode(content), warn);
  return { value: copyObject(content), lineOf: () => undefined };
}

function decode(bytes: Uint8Array): string {
  if (bytes.byteLength > MAX_KUBECONFIG_BYTES) throw new Refusal(TOO_LARGE);
  try {
    return decodeText(bytes);
  } catch (error) {
    throw new Refusal(messageOf(error));
  }
}

function readText(content: string, warn: Warn): PlainDocument | undefined {
  if (content.length > MAX_KUBECONFIG_BYTES) throw new Refusal(TOO_LARGE);
  const [document, second] = readYaml(content, {
    maxDepth: MAX_DEPTH,
    scalar: textualScalar,
    warn,
  });
  if (document === undefined) return undefined;
  const { value, lineOf } = document.read();
  if (second !== undefined) {
    warn(
      `it holds several YAML documents; only the first is read, and not what begins at line ${second.line}`,
    );
  }
  return value === null || value === undefined ? undefined : { value, lineOf };
}

/** Copies what a caller passes: its own enumerable keys and nothing that it inherits. */
function copyObject(content: object): unknown {
  let count = 0;
  const copy = (value: unknown, depth: number): unknown => {
    if (++count > MAX_VALUES) throw new Refusal(`it holds more than ${MAX_VALUES} values`);
    if (depth > MAX_DEPTH) throw new Refusal("it is nested too deeply, or holds itself");
    if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
    if (typeof value !== "object" || value === null) return value;
    const own: Record<string, unknown> = Object.create(null);
    for (const [name, item] of Object.entries(value)) put(own, name, copy(item, depth + 1));
    return own;
  };
  return copy(content, 0);
}
