/**
 * From the text of a kubeconfig to its checked content. What is wrong with it is named by file, line and path,
 * and never quoted: a kubeconfig is full of secrets, and what a parser says quotes.
 *
 * @module
 */

import type * as z from "zod/mini";
import { ConfigError } from "../../errors.ts";
import { cleanName } from "../../clean-text.ts";
import { type Kubeconfig, kubeconfigSchema } from "./schema.ts";
import { isMapping } from "../../plain-object.ts";
import { type Path, Refusal } from "../../yaml/yaml-documents.ts";
import { type Warn, readDocument } from "./yaml.ts";

/** What an empty text says. */
const nothing: Kubeconfig = { clusters: [], users: [], contexts: [] };

/**
 * Parses a kubeconfig.
 *
 * @param content Its text, the bytes of that, or what the text would hold.
 * @param label What to call it in messages.
 * @param warn Receives what is odd about it and yet no reason to reject it.
 * @throws {ConfigError} if it is none. The message says where in the text, and never quotes it.
 */
export function parseKubeconfig(
  content: string | Uint8Array | object,
  label: string,
  warn: Warn = () => {},
): Kubeconfig {
  try {
    const document = readDocument(content, (message) => warn(`Kubeconfig ${label}: ${message}`));
    return document === undefined ? nothing : check(document.value, document.lineOf);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // No cause: a parser's error quotes what it stumbled over.
    throw new ConfigError(`Cannot read kubeconfig ${label}: ${error.message}`);
  }
}

/** Holds a document against the schema. */
function check(value: unknown, lineOf: (path: Path) => number | undefined): Kubeconfig {
  if (!isMapping(value)) {
    throw new Refusal("it is no mapping; a kubeconfig has clusters, users and contexts");
  }
  const fail = (path: Path, reason: string): Refusal => {
    const line = lineOf(path);
    return new Refusal(
      `${writePath(path)}${line === undefined ? "" : ` (line ${line})`} ${reason}`,
    );
  };
  const result = kubeconfigSchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    if (issue === undefined) throw new Refusal("it is no kubeconfig");
    throw fail(issue.path, explainIssue(issue, find(value, issue.path)));
  }
  for (const list of ["clusters", "users", "contexts"] as const) {
    const names = new Set<string>();
    for (const [index, { name }] of result.data[list].entries()) {
      // As client-go, which can't tell either which one is meant.
      if (names.has(name)) {
        const called = name === "" ? "is empty or missing" : `is ${cleanName(name)}`;
        throw fail([list, index, "name"], `${called}, which is there twice; rename one`);
      }
      names.add(name);
    }
  }
  return result.data;
}

function explainIssue(issue: z.core.$ZodIssue, found: unknown): string {
  if (issue.code === "custom") return issue.message;
  if (issue.code === "invalid_value") return `must be ${issue.values.join(", ")}`;
  if (issue.code !== "invalid_type") return "is wrong";
  if (found === undefined) return "is missing";
  const expected = expectations[issue.expected] ?? issue.expected;
  const hint =
    expected === "text" && /^(?:number|bigint|boolean)$/.test(typeof found)
      ? "; put it in quotes"
      : "";
  return `is ${kindOf(found)}, but must be ${expected}${hint}`;
}

const expectations: Readonly<Record<string, string>> = {
  string: "text",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "null";
  if (typeof value === "object") return "a mapping";
  return kinds[typeof value] ?? "of no kind that YAML has";
}

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  bigint: "a number",
  boolean: "a boolean",
};

function find(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined),
    value,
  );
}

/** Writes a path as in `users[2].user.exec.command`. */
function writePath(path: Path): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${cleanName(String(key))}`))
    .join("")
    .replace(/^\./, "");
}
