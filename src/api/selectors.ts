/**
 * Selectors, as objects or in the API's own notation.
 *
 * @module
 */

import { cleanMessage } from "../clean-text.ts";
import { checkKnown, kindOf } from "../options.ts";

/**
 * What a label must be: a value, one of several, there at all (`true`), or not there (`false`).
 */
export type LabelRequirement = string | readonly string[] | boolean;

/** One expression of a {@link LabelSelectorObject}. */
export interface LabelExpression {
  /** The label's name. */
  readonly key: string;
  /** `In`, `NotIn`, `Exists` or `DoesNotExist`. */
  readonly operator: string;
  /** What `In` and `NotIn` compare it with. */
  readonly values?: readonly string[] | undefined;
}

/** A selector as objects of the API carry it (`meta/v1` `LabelSelector`), as in a Deployment's spec. */
export interface LabelSelectorObject {
  /** Labels and their values. */
  readonly matchLabels?: { readonly [name: string]: string } | undefined;
  /** What else must hold. */
  readonly matchExpressions?: readonly LabelExpression[] | undefined;
}

/**
 * Which labels objects must have: the API's own notation (`app=web,tier in (a,b),!canary`), labels with what
 * they must be, or the selector of an object.
 */
export type LabelSelectorInput =
  | string
  | { readonly [name: string]: LabelRequirement }
  | LabelSelectorObject;

/** What a field must be: a value, or anything but one value or several (`{ not: "Failed" }`). */
export type FieldRequirement = string | { readonly not: string | readonly string[] };

/**
 * Which fields objects must have: the API's own notation (`spec.nodeName=a,status.phase!=Failed`), or fields with
 * what they must be, as in `{ "spec.nodeName": "a", "status.phase": { not: "Failed" } }`.
 */
export type FieldSelectorInput = string | { readonly [field: string]: FieldRequirement };

/** Which objects are meant. */
export interface SelectorOptions {
  /** Which labels they must have. */
  labelSelector?: LabelSelectorInput | undefined;
  /** Which fields they must have. */
  fieldSelector?: FieldSelectorInput | undefined;
}

/**
 * Writes a label selector in the API's notation; `undefined` if there is none.
 *
 * @throws {TypeError} if a name or a value is not one that a label can have: with a comma in it, a value would
 * select other objects than it says.
 */
export function labelSelector(input: LabelSelectorInput | undefined): string | undefined {
  if (input === undefined || typeof input === "string") return input;
  checkObject("labelSelector", input);
  const terms = isSelectorObject(input)
    ? selectorObjectTerms(input)
    : Object.entries(input).map(([name, requirement]) => requirementTerm(name, requirement));
  return terms.join(",");
}

/**
 * Writes a field selector in the API's notation; `undefined` if there is none.
 *
 * @throws {TypeError} if a field is not a path of a field, or a value is not a string.
 */
export function fieldSelector(input: FieldSelectorInput | undefined): string | undefined {
  if (input === undefined || typeof input === "string") return input;
  checkObject("fieldSelector", input);
  return Object.entries(input)
    .flatMap(([field, requirement]) => fieldTerms(field, requirement))
    .join(",");
}

function fieldTerms(field: string, requirement: FieldRequirement): string[] {
  if (!/^[A-Za-z0-9_.[\]/-]+$/.test(field)) {
    throw new TypeError(`Cannot select by field ${quoted(field)}: it is no path of a field`);
  }
  if (typeof requirement !== "object" || requirement === null) {
    return [`${field}=${fieldValue(field, requirement)}`];
  }
  checkKnown(`the selector of field ${field}`, requirement, ["not"]);
  const { not } = requirement;
  const values: readonly string[] = Array.isArray(not) ? not : [not as string];
  if (values.length === 0) {
    throw new TypeError(`Cannot select by field ${field}: its list of values is empty`);
  }
  return values.map((value) => `${field}!=${fieldValue(field, value)}`);
}

function fieldValue(field: string, value: unknown): string {
  if (typeof value === "string") return value.replace(/[\\,=]/g, String.raw`\$&`);
  throw new TypeError(
    `Cannot select by field ${field}: its value is ${kindOf(value)}; pass a string, or { not: "..." }`,
  );
}

/** What is in a `Map`, or inherited, would be left out, and the selector be of everything. */
function checkObject(option: string, input: unknown): void {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw new TypeError(`Cannot use option ${option}: it is neither a string nor an object`);
  }
  const own = new Set(Object.keys(input));
  if (own.size === 0 && !isPlain(input)) {
    throw new TypeError(
      `Cannot use option ${option}: it is an object without properties of its own; pass a plain object, as in { app: "web" }`,
    );
  }
  for (const name in input) {
    if (own.has(name)) continue;
    throw new TypeError(`Cannot use option ${option}: its property ${quoted(name)} is inherited`);
  }
}

/** Whether an object is one as in a literal or in JSON, of any realm. */
function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A label that is named `matchLabels` would have a string, a list or a boolean. */
function isSelectorObject(input: object): input is LabelSelectorObject {
  const { matchLabels, matchExpressions } = input as Record<string, unknown>;
  const isLabels = typeof matchLabels === "object" && !Array.isArray(matchLabels);
  const isExpressions = Array.isArray(matchExpressions) && typeof matchExpressions[0] !== "string";
  return isLabels || isExpressions;
}

function selectorObjectTerms({
  matchLabels,
  matchExpressions,
  ...others
}: LabelSelectorObject): string[] {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot select by label ${quoted(unknown)} beside matchLabels and matchExpressions: put it into matchLabels`,
    );
  }
  return [
    ...Object.entries(matchLabels ?? {}).map(([name, value]) => equals(name, value)),
    ...(matchExpressions ?? []).map(expression),
  ];
}

function requirementTerm(name: string, requirement: LabelRequirement): string {
  if (typeof requirement === "boolean")
    return requirement ? labelName(name) : `!${labelName(name)}`;
  if (Array.isArray(requirement)) return oneOf(name, "in", requirement);
  return equals(name, requirement);
}

function expression({ key, operator, values = [] }: LabelExpression): string {
  if ((operator === "Exists" || operator === "DoesNotExist") && values.length > 0) {
    throw new TypeError(`Cannot select by label ${quoted(key)}: ${operator} takes no values`);
  }
  switch (operator) {
    case "In":
      return oneOf(key, "in", values);
    case "NotIn":
      return oneOf(key, "notin", values);
    case "Exists":
      return labelName(key);
    case "DoesNotExist":
      return `!${labelName(key)}`;
    default:
      throw new TypeError(
        `Cannot use operator ${operator} of label ${key}: it is none of In, NotIn, Exists, DoesNotExist`,
      );
  }
}

function equals(name: string, value: unknown): string {
  return `${labelName(name)}=${labelValue(name, value)}`;
}

function oneOf(name: string, operator: "in" | "notin", values: readonly unknown[]): string {
  if (values.length === 0) {
    throw new TypeError(`Cannot select by label ${quoted(name)}: its list of values is empty`);
  }
  const checked = values.map((value) => labelValue(name, value));
  return `${labelName(name)} ${operator} (${checked.join(",")})`;
}

/** Kubernetes' rules (apimachinery `validation.IsQualifiedName`). */
function labelName(name: string): string {
  const slash = name.indexOf("/");
  const [prefix, own] = slash === -1 ? ["a", name] : [name.slice(0, slash), name.slice(slash + 1)];
  const isPrefix = prefix.length <= 253 && prefix.split(".").every((part) => dnsLabel.test(part));
  if (isPrefix && own.length <= 63 && labelText.test(own)) return name;
  throw new TypeError(
    `Cannot select by label ${quoted(name)}: a label's name has up to 63 letters, digits, -, _ and ., after a DNS name and / if there is one`,
  );
}

/** Kubernetes' rules (apimachinery `validation.IsValidLabelValue`). */
function labelValue(name: string, value: unknown): string {
  if (value === "") return value;
  if (typeof value === "string" && value.length <= 63 && labelText.test(value)) return value;
  throw new TypeError(
    `Cannot select by label ${quoted(name)}: a value has up to 63 letters, digits, -, _ and ., which ${quoted(value)} has not`,
  );
}

const dnsLabel = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const labelText = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/;

function quoted(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(cleanMessage(value, 100)) : String(value);
}

/** Selectors as a query has them. */
export function selectorQuery(options: SelectorOptions): Record<string, string | undefined> {
  return {
    labelSelector: labelSelector(options.labelSelector),
    fieldSelector: fieldSelector(options.fieldSelector),
  };
}
