/**
 * Parsing the text of manifests into objects. `test/e2e/manifests.test.ts` compares scalars with kubectl
 * itself.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { InvalidManifestError, readManifests } from "../../../src/manifests/index.ts";

const head = "apiVersion: v1\nkind: ConfigMap\n";

function read(text: string | Uint8Array): unknown[] {
  return readManifests(text);
}

function named(text: string): unknown[] {
  return readManifests(text).map(({ metadata }) => metadata?.name);
}

function failure(text: string | Uint8Array, file?: string): InvalidManifestError {
  try {
    readManifests(text, { file });
  } catch (error) {
    if (error instanceof InvalidManifestError) return error;
    throw error;
  }
  throw new Error("It was read");
}

describe("readManifests() reads", () => {
  test("several documents, and skips empty ones", () => {
    const text = `# nothing yet\n---\n${head}metadata: { name: a }\n---\n\n---\n# nothing\n---\n${head}metadata: { name: b }\n...\n`;
    expect(named(text)).toEqual(["a", "b"]);
    expect(read("")).toEqual([]);
  });

  test("JSON, even several objects in sequence, as jq writes them", () => {
    const object = (name: string): string =>
      JSON.stringify({ apiVersion: "v1", kind: "X", metadata: { name } }, null, 2);
    expect(named(object("a"))).toEqual(["a"]);
    expect(named(`${object('}{"')}\n${object("b")}${object("c")}\n`)).toEqual(['}{"', "b", "c"]);
    expect(named(`{ apiVersion: v1, kind: X, metadata: { name: flow } }`)).toEqual(["flow"]);
  });

  test("lists as the objects in them, even nested lists", () => {
    const text = `
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: Pod, metadata: { name: a } }
  - apiVersion: v1
    kind: ConfigMapList
    items: [{ metadata: { name: b } }, { kind: ConfigMap, metadata: { name: c } }]
  - { apiVersion: v1, kind: List, items: null }
`;
    expect(readManifests(text).map(({ kind, metadata }) => `${kind} ${metadata?.name}`)).toEqual([
      "Pod a",
      "ConfigMap b",
      "ConfigMap c",
    ]);
  });

  test("bytes in UTF-8 and UTF-16", () => {
    const text = `\u{feff}${head}metadata: { name: ü }\n`;
    const utf16 = new Uint8Array(new Uint16Array(Array.from(text, (c) => c.charCodeAt(0))).buffer);
    expect(named(text)).toEqual(["ü"]);
    expect(named(`${text}---\n${text}`)).toEqual(["ü", "ü"]);
    expect(readManifests(new TextEncoder().encode(text))).toEqual(readManifests(utf16));
    expect(failure(new Uint8Array([0xc3, 0x28])).message).toBe(
      "Cannot read manifests: it is not UTF-8 text",
    );
  });

  test("anchors, aliases and merge keys, within one document", () => {
    const text = `${head}a: &a { x: 1, y: 2 }\nb: { <<: *a, x: 3 }\n`;
    expect(read(text)).toMatchObject([{ b: { x: 3, true: 2 } }]);
    expect(failure(`${head}a: &a 1\n---\n${head}b: *a\n`)).toMatchObject({ document: 2, line: 7 });
  });

  test.each<[scalar: string, value: unknown]>([
    ["0644", 420],
    ["0o17", 15],
    ["-010", -8],
    ["089", 89],
    ["0x1F", 31],
    ["0b101", 5],
    ["1_000", 1000],
    ["yes", true],
    ["Off", false],
    ["y", true],
    ["yEs", "yEs"],
    ["~", null],
    ["", null],
    ["1e3", 1000],
    ["1.", 1],
    [".5", 0.5],
    ["1e999", "1e999"],
    ["12e4567", "12e4567"],
    ["1:30", "1:30"],
    ["2001-01-01", "2001-01-01"],
    ["1.2.3", "1.2.3"],
    ['"0644"', "0644"],
    ["!!str 1", "1"],
    ["9007199254740991", 9_007_199_254_740_991],
    ["12345678901234567890", Number("12345678901234567890")],
    ["0x1FFFFFFFFFFFFFFFF", "0x1FFFFFFFFFFFFFFFF"],
  ])("the scalar %s in the same way as kubectl", (scalar, value) => {
    expect(read(`${head}value: ${scalar}\n`)).toEqual([
      { apiVersion: "v1", kind: "ConfigMap", value },
    ]);
  });

  test("mappings as ordinary objects", () => {
    const [object] = readManifests(`${head}data: { constructor: x }`);
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(object?.["data"]).toEqual({ constructor: "x" });
  });
});

describe("readManifests() rejects", () => {
  test.each<[what: string, text: string, document: number, line: number, reason: string]>([
    ["what is not YAML", `${head}---\n${head}a: [1\n`, 2, 7, "it is not YAML"],
    ["a tab", `${head}a:\n\tb: 1\n`, 1, 4, "a tab is used as indentation"],
    ["a key that is there twice", `${head}data:\n  a: 1\n  a: 2\n`, 1, 5, "there twice"],
    ["keys that are the same to kubectl", `${head}on: 1\ntrue: 2\n`, 1, 4, "there twice"],
    ["an unknown tag", `${head}a: !binary x\n`, 1, 3, "a tag does not fit"],
    ["a number that is none", `${head}a: .nan\n`, 1, 3, "infinite, or none"],
    ["an integer that no number holds", `${head}a: 9007199254740993\n`, 1, 3, "more digits"],
    ["a key named __proto__", `${head}__proto__: {}\n`, 1, 3, "__proto__"],
    ["a text", `---\n\nhello\n`, 1, 3, "it is a string, not an object"],
    ["a list", `- 1\n`, 1, 1, "it is an array, not an object; use kind: List"],
    ["an object without a kind", `${head}---\napiVersion: v1\n`, 2, 4, "it has no kind"],
    ["one whose apiVersion is a number", `apiVersion: 1\nkind: X\n`, 1, 1, "is not a text"],
    ["metadata that is a list", `${head}metadata: []\n`, 1, 1, "its metadata is an array"],
    [
      "an item of a list without an apiVersion",
      `apiVersion: v1\nkind: List\nitems:\n  - kind: A\n    apiVersion: v1\n  - kind: B\n`,
      1,
      6,
      "it has no apiVersion",
    ],
  ])("%s", (_what, text, document, line, reason) => {
    const error = failure(text);
    expect(error).toMatchObject({ document, line, code: "ERR_REANCHOR_INVALID_MANIFEST" });
    expect(error.message).toMatch(
      new RegExp(`^Cannot read manifests: document ${document}, line ${line}(, column \\d+)?: `),
    );
    expect(error.message).toContain(reason);
  });

  test("the second of two JSON objects on its line", () => {
    const text = `{"apiVersion":"v1",\n"kind":"A"}\n{"apiVersion":"v1",\n"kind":}\n`;
    expect(failure(text)).toMatchObject({ document: 2 });
    expect(failure(`{"apiVersion":"v1","kind":"A"}\n\n  {"kind":"B"}`)).toMatchObject({ line: 3 });
  });

  test("a bomb of aliases, across documents", () => {
    const bomb = `a0: &a0 [${"x,".repeat(999)}x]\n${[1, 2, 3]
      .map((n) => `a${n}: &a${n} [${`*a${n - 1},`.repeat(20)}x]\n`)
      .join("")}`;
    expect(failure(`${head}${bomb}`).message).toContain("it holds more than");
    const part = bomb.split("\n").slice(0, 3).join("\n");
    expect(failure(`${head}${part}\n---\n`.repeat(9)).message).toContain("it holds more than");
  });

  test("deeply nested text", () => {
    expect(failure(`${head}a: ${"[".repeat(300)}${"]".repeat(300)}`).message).toContain("deeply");
  });

  test("with the file's name, and without the file's content", () => {
    const error = failure(`${head}data: { password: "hush" \n`, "web\u{1b}[1m.yaml");
    expect(error.message).toMatch(/^Cannot read manifests of web\.yaml: document 1, line /);
    expect(error.message).not.toContain("hush");
    expect(error.cause).toBeUndefined();
  });

  test("a value that is not text", () => {
    expect(() => readManifests({} as never)).toThrow(
      new TypeError("Cannot read manifests: expected a text or its bytes, not an object"),
    );
    expect(() => readManifests("", { fil: "x" } as never)).toThrow(/option fil of readManifests/);
  });
});
