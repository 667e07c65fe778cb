/**
 * From YAML, and so JSON too, to plain values.
 *
 * The text may come from a stranger. So values are counted before they are unfolded, and no key reaches an
 * object's prototype. What is wrong is named by its place and never quoted: such texts are full of secrets.
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
import { isMapping } from "../plain-object.ts";

/** The most values that a text may hold, aliases unfolded; only a bomb of aliases has more. */
export const MAX_VALUES = 3_000_000;

/** A way through a value, from its outermost key on. */
export type Path = readonly PropertyKey[];

/** What a document holds. */
export interface PlainDocument {
  /** Mappings in it have no prototype, unless the rules say otherwise. */
  readonly value: unknown;
  /** The line on which a path's value, or the nearest part of it that exists, begins. */
  readonly lineOf: (path: Path) => number | undefined;
}

/** A document of a text, of which only the outline is known until it is read. */
export interface YamlDocument {
  /** The line on which it begins. */
  readonly line: number;
  /**
   * Reads it.
   *
   * @throws {Refusal} if it is not YAML, or breaks the rules.
   */
  read(): PlainDocument;
}

/** How a text is read. */
export interface YamlRules {
  /** How many mappings and lists may be within each other. */
  readonly maxDepth: number;
  /** The value of a scalar. */
  readonly scalar: (scalar: Scalar) => unknown;
  /**
   * Receives that a mapping has a key twice; the last one wins. Without it, what would be lost or changed in silence
   * is rejected: such keys, tags that YAML's core schema does not have, integers that no number holds, and a key
   * named `__proto__`. Mappings are then ordinary objects.
   */
  readonly warn?: ((message: string) => void) | undefined;
}

/** Why a text is rejected: a reason for a caller's own error, which names the file. */
export class Refusal extends Error {
  /** The line that it is about, if it is about one. */
  readonly line: number | undefined;

  /** Creates the error. */
  constructor(reason: string, line?: number) {
    super(reason);
    this.line = line;
  }
}

/**
 * Finds the documents of a text.
 *
 * @throws {Refusal} if it can't be YAML at all.
 */
export function readYaml(text: string, rules: YamlRules): YamlDocument[] {
  const lines = new LineCounter();
  const unfolding = new Unfolding(lines, rules);
  return parseDocuments(text, lines).map((document) => ({
    line: lines.linePos(document.range[0]).line,
    read() {
      const [error] = document.errors;
      if (error !== undefined) throw unfolding.refuse(error.pos[0], explain(error));
      const [warning] = document.warnings;
      if (warning !== undefined && rules.warn === undefined) {
        throw unfolding.refuse(
          warning.pos[0],
          "a tag does not fit its value, or is none of YAML's core schema",
        );
      }
      const value = unfolding.read(document);
      const lineOf = (path: Path): number | undefined => {
        const range = nearestNode(document, path)?.range;
        return range ? lines.linePos(range[0]).line : undefined;
      };
      return { value, lineOf };
    },
  }));
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
  if (path.length === 0) return document.contents ?? undefined;
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
  readonly #lines: LineCounter;
  readonly #rules: YamlRules;
  readonly #anchors = new Map<string, Unfolded | undefined>();
  #count = 0;

  constructor(lines: LineCounter, rules: YamlRules) {
    this.#lines = lines;
    this.#rules = rules;
  }

  /** Reads a document; all documents of a text are counted together. */
  read(document: Document.Parsed): unknown {
    this.#anchors.clear();
    return this.#unfold(document.contents, 0);
  }

  /** Says what is wrong at a place of the text. */
  refuse(offset: number, reason: string): Refusal {
    const { line, col } = this.#lines.linePos(offset);
    return new Refusal(`line ${line}, column ${col}: ${reason}`, line);
  }

  #unfold(node: unknown, depth: number): unknown {
    if (!isNode(node)) return undefined;
    if (depth > this.#rules.maxDepth) throw this.#refusal(node, "it is nested too deeply");
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
    else if (isSeq(node)) value = node.items.map((item) => this.#unfold(item, depth + 1));
    else if (isScalar(node)) {
      value = this.#rules.scalar(node);
      if (
        value === Number.POSITIVE_INFINITY ||
        value === Number.NEGATIVE_INFINITY ||
        Number.isNaN(value)
      ) {
        throw this.#refusal(node, "a number is infinite, or none");
      }
      if (this.#isStrict && typeof value === "bigint") {
        throw this.#refusal(node, "an integer has more digits than a number of JavaScript holds");
      }
    }
    if (anchor !== undefined) this.#anchors.set(anchor, { value, count: this.#count - before });
    return value;
  }

  #unfoldMap(items: readonly { key: unknown; value: unknown }[], depth: number): unknown {
    const own: Record<string, unknown> = this.#isStrict ? {} : Object.create(null);
    const seen = new Set<string>();
    const merged: unknown[] = [];
    for (const { key, value } of items) {
      const written = this.#unfold(key, depth + 1);
      if (typeof written === "object" && written !== null) {
        throw this.#refusal(key, "a key is a mapping or a list");
      }
      const name = String(written);
      if (written === null || written === undefined) throw this.#refusal(key, "a key is null");
      if (seen.has(name)) {
        this.#warn(this.#refusal(key, "a key is there twice in one mapping"));
      }
      seen.add(name);
      if (this.#isStrict && name === "__proto__") throw this.#refusal(key, "a key is __proto__");
      const unfolded = this.#unfold(value, depth + 1);
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
        if (!Object.hasOwn(own, name)) put(own, name, value);
      }
    }
    return own;
  }

  #checkCount(node: unknown): void {
    if (this.#count <= MAX_VALUES) return;
    throw this.#refusal(node, `it holds more than ${MAX_VALUES} values, aliases unfolded`);
  }

  get #isStrict(): boolean {
    return this.#rules.warn === undefined;
  }

  #warn(refusal: Refusal): void {
    if (this.#rules.warn === undefined) throw refusal;
    this.#rules.warn(`${refusal.message}; the last wins`);
  }

  #refusal(node: unknown, reason: string): Refusal {
    const range = isNode(node) ? node.range : undefined;
    return range ? this.refuse(range[0], reason) : new Refusal(reason);
  }
}

const [minInteger, maxInteger] = [-(2n ** 63n), 2n ** 64n - 1n];

/**
 * The value of a scalar, as client-go reads it into a text: a number that overflows is the text as it is written
 * (names such as `12e4567` are written without quotes), and an integer of 64 bits keeps its digits.
 */
export function textualScalar({ value, source }: Scalar): unknown {
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

/** Sets a key, except for the one that some code takes for the prototype: nothing of Kubernetes has a use for it. */
export function put(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") target[name] = value;
}
