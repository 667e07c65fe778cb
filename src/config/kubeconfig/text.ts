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
import { type Path, Refusal, isMapping, readDocuments } from "./yaml.ts";

/**
 * Parses a kubeconfig. Several YAML documents in one text are merged as files are, the first of a name
 * winning, as kube-rs does; an empty one counts for nothing.
 *
 * @param content Its text, the bytes of that, or what the text would hold.
 * @param label What to call it in messages.
 * @throws {ConfigError} where it is none. The message says where in the text, and never quotes it.
 */
export function parseKubeconfig(content: string | Uint8Array | object, label: string): Kubeconfig {
  const configs = readConfigs(content, label);
  return {
    ...configs.reduceRight<object>((later, config) => Object.assign(later, config), {}),
    clusters: firstOfEachName(configs.flatMap(({ clusters }) => clusters)),
    users: firstOfEachName(configs.flatMap(({ users }) => users)),
    contexts: firstOfEachName(configs.flatMap(({ contexts }) => contexts)),
    "current-context": configs.map((config) => config["current-context"]).find(Boolean),
  };
}

function readConfigs(content: string | Uint8Array | object, label: string): Kubeconfig[] {
  try {
    return readDocuments(content).map(({ value, lineOf }) => check(value, lineOf));
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
        throw fail(
          [list, index, "name"],
          `is ${cleanName(name)}, which is there twice; rename one`,
        );
      }
      names.add(name);
    }
  }
  return result.data;
}

function explainIssue(issue: z.core.$ZodIssue, found: unknown): string {
  if (issue.code === "invalid_value") return `must be ${issue.values.join(", ")}`;
  if (issue.code !== "invalid_type") return "is wrong";
  if (found === undefined) return "is missing";
  const expected = expectations[issue.expected] ?? issue.expected;
  const hint =
    expected === "text" && /^(?:number|boolean)$/.test(typeof found) ? "; put it in quotes" : "";
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

function firstOfEachName<Entry extends { readonly name: string }>(entries: Entry[]): Entry[] {
  const names = new Set<string>();
  return entries.filter(({ name }) => !names.has(name) && names.add(name));
}
