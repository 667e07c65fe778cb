/**
 * From the text of a kubeconfig to plain values: YAML, and so JSON too, in UTF-8 or UTF-16.
 *
 * The text may come from a stranger. So values are counted before they are unfolded, and no key reaches an
 * object's prototype.
 *
 * @module
 */

import {
  type Document,
  LineCounter,
  type ParsedNode,
  type Scalar,
  type YAMLError,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseAllDocuments,
} from "yaml";
import { decodeText } from "../../bytes.ts";
import { messageOf } from "../../callback.ts";

/** The largest kubeconfig that is read: 16 MiB. */
export const MAX_KUBECONFIG_BYTES: number = 16 * 1024 * 1024;
const TOO_LARGE = "it is larger than 16 MiB";

/** More values than a kubeconfig of the largest size holds; only a bomb of aliases has them. */
const MAX_VALUES = 3_000_000;
const MAX_DEPTH = 64;

/** A way through a value, from its outermost key on. */
export type Path = readonly PropertyKey[];

/** One YAML document, or what a caller has read already. */
export interface PlainDocument {
  /** Mappings in it have no prototype. */
  readonly value: unknown;
  /** The line on which a path's value, or the nearest part of it that there is, begins. */
  readonly lineOf: (path: Path) => number | undefined;
}

/** Why a text is rejected; becomes the ConfigError, which names the file. */
export class Refusal extends Error {}

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
  const lines = new LineCounter();
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  const [document, second] = parseDocuments(content, lines);
  if (document === undefined) return undefined;
  const [error] = document.errors;
  if (error !== undefined) throw new Refusal(`${place(error.pos[0])}: ${explain(error)}`);
  if (second !== undefined) {
    const { line } = lines.linePos(second.range[0]);
    warn(
      `it holds several YAML documents; only the first is read, and not what begins at line ${line}`,
    );
  }
  const value = new Unfolding(place, warn).unfold(document.contents);
  if (value === null || value === undefined) return undefined;
  const lineOf = (path: Path): number | undefined => {
    const range = nearestNode(document, path)?.range;
    return range ? lines.linePos(range[0]).line : undefined;
  };
  return { value, lineOf };
}

function parseDocuments(content: string, lineCounter: LineCounter): readonly Document.Parsed[] {
  try {
    return parseAllDocuments(content.replace(/^\u{feff}/u, ""), {
      lineCounter,
      prettyErrors: false,
      logLevel: "silent",
      // Whatever a %YAML line asks for: in YAML 1.1, "yes" is true, and a number may have colons.
      schema: "core",
      resolveKnownTags: false,
      // Some have more digits than a number holds.
      intAsBigInt: true,
      // Compares each key with each; looked at below.
      uniqueKeys: false,
    });
  } catch {
    throw new Refusal("it is not YAML");
  }
}

/** The node of a path, or of the longest part of it that there is. */
function nearestNode(document: Document.Parsed, path: Path): ParsedNode | undefined {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node as ParsedNode;
  }
  return undefined;
}

const explanations: Partial<Record<YAMLError["code"], string>> = {
  BAD_ALIAS: "an alias is malformed",
  BAD_DQ_ESCAPE: "text in double quotes holds an escape sequence that does not exist",
  BAD_INDENT: "the indentation is wrong",
  BAD_SCALAR_START: "text begins with a character that needs quotes",
  BLOCK_AS_IMPLICIT_KEY: "a mapping or list begins where none may; quote text that holds a colon",
  MISSING_CHAR: "a bracket, quote, comma or colon is missing",
  MULTILINE_IMPLICIT_KEY: "a key goes over several lines; is a colon missing?",
  RESOURCE_EXHAUSTION: "it is nested too deeply",
  TAB_AS_INDENT: "a tab is used as indentation; use spaces",
  UNEXPECTED_TOKEN: "something stands where it may not",
};

function explain({ code }: YAMLError): string {
  return `it is not YAML: ${explanations[code] ?? code}`;
}

/** A value out of YAML, and how many it is made of with its aliases unfolded. */
interface Unfolded {
  readonly value: unknown;
  readonly count: number;
}

/**
 * Makes plain values of YAML nodes. Not left to the parser: its limit on aliases knows nothing of merge
 * keys (`<<`), which kubectl's parser has, and its objects have a prototype.
 */
class Unfolding {
  readonly #place: (offset: number) => string;
  readonly #warn: Warn;
  readonly #anchors = new Map<string, Unfolded | undefined>();
  #count = 0;

  constructor(place: (offset: number) => string, warn: Warn) {
    this.#place = place;
    this.#warn = warn;
  }

  unfold(node: unknown, depth = 0): unknown {
    if (!isNode(node)) return undefined;
    if (depth > MAX_DEPTH) throw this.#refusal(node, "it is nested too deeply");
    const before = this.#count++;
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target === undefined) {
        throw this.#refusal(
          node,
          "an alias has no anchor before it, or stands within its own anchor",
        );
      }
      this.#count += target.count;
      this.#checkCount(node);
      return target.value;
    }
    this.#checkCount(node);
    const { anchor } = node as ParsedNode & { readonly anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    let value: unknown;
    if (isMap(node)) value = this.#unfoldMap(node.items, depth);
    else if (isSeq(node)) value = node.items.map((item) => this.unfold(item, depth + 1));
    else if (isScalar(node)) {
      value = plainValue(node);
      if (
        value === Number.POSITIVE_INFINITY ||
        value === Number.NEGATIVE_INFINITY ||
        Number.isNaN(value)
      ) {
        throw this.#refusal(node, "a number is infinite, or none");
      }
    }
    if (anchor !== undefined) this.#anchors.set(anchor, { value, count: this.#count - before });
    return value;
  }

  #unfoldMap(items: readonly { key: unknown; value: unknown }[], depth: number): unknown {
    const own: Record<string, unknown> = Object.create(null);
    const seen = new Set<string>();
    const merged: unknown[] = [];
    for (const { key, value } of items) {
      const written = this.unfold(key, depth + 1);
      if (typeof written === "object" && written !== null) {
        throw this.#refusal(key, "a key is a mapping or a list");
      }
      const name = String(written);
      if (written === null || written === undefined) throw this.#refusal(key, "a key is null");
      if (seen.has(name))
        this.#warn(this.#at(key, "a key is there twice in one mapping; the last wins"));
      seen.add(name);
      const unfolded = this.unfold(value, depth + 1);
      if (name === "<<" && isScalar(key) && key.type === "PLAIN") {
        const sources: unknown[] = Array.isArray(unfolded) ? unfolded : [unfolded];
        if (!sources.every(isMapping)) {
          throw this.#refusal(value, "a merge key (<<) holds no mapping");
        }
        merged.unshift(...sources);
      } else {
        put(own, name, unfolded);
      }
    }
    // What the mapping says itself wins over what it merges in, and of that the first.
    for (const source of merged) {
      for (const [name, value] of Object.entries(source as object)) {
        if (!(name in own)) put(own, name, value);
      }
    }
    return own;
  }

  #checkCount(node: unknown): void {
    if (this.#count <= MAX_VALUES) return;
    throw this.#refusal(node, `it holds more than ${MAX_VALUES} values, aliases unfolded`);
  }

  #refusal(node: unknown, reason: string): Refusal {
    return new Refusal(this.#at(node, reason));
  }

  #at(node: unknown, reason: string): string {
    const range = isNode(node) ? node.range : undefined;
    return range ? `${this.#place(range[0])}: ${reason}` : reason;
  }
}

const [minInteger, maxInteger] = [-(2n ** 63n), 2n ** 64n - 1n];

/**
 * The value of a scalar, as kubectl's parser has it: a number that overflows is the text as it is written
 * (names such as `12e4567` are written without quotes), and an integer of 64 bits keeps its digits.
 */
function plainValue({ value, source }: Scalar): unknown {
  if (typeof value === "bigint") {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return Number(value);
    if (value >= minInteger && value <= maxInteger) return value;
    // Go takes decimal digits for a floating-point number then, and others for text.
    return source === undefined || /^[-+]?\d+$/.test(source) ? Number(value) : source;
  }
  const overflows = typeof value === "number" && !Number.isFinite(value);
  return overflows && source !== undefined && !/^[-+]?\.(?:inf|nan)$/i.test(source)
    ? source
    : value;
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

/** Sets a key, but for the one that some code takes for the prototype: a kubeconfig has no use for it. */
function put(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") target[name] = value;
}

/** Whether a value is a mapping. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
