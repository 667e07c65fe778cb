/**
 * Selectors, as objects or in the API's own notation.
 *
 * @module
 */

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

/** Which fields objects must have: the API's own notation (`spec.nodeName=a,status.phase!=Failed`), or fields. */
export type FieldSelectorInput = string | { readonly [field: string]: string };

/** Which objects are meant. */
export interface SelectorOptions {
  /** Which labels they must have. */
  labelSelector?: LabelSelectorInput | undefined;
  /** Which fields they must have. */
  fieldSelector?: FieldSelectorInput | undefined;
}

/** Writes a label selector in the API's notation; `undefined` where there is none. */
export function labelSelector(input: LabelSelectorInput | undefined): string | undefined {
  if (input === undefined || typeof input === "string") return input;
  const terms = isSelectorObject(input)
    ? [
        ...Object.entries(input.matchLabels ?? {}).map(([name, value]) => `${name}=${value}`),
        ...(input.matchExpressions ?? []).map(expression),
      ]
    : Object.entries(input).map(([name, requirement]) => requirementTerm(name, requirement));
  return terms.join(",");
}

/** Writes a field selector in the API's notation; `undefined` where there is none. */
export function fieldSelector(input: FieldSelectorInput | undefined): string | undefined {
  if (input === undefined || typeof input === "string") return input;
  return Object.entries(input)
    .map(([field, value]) => `${field}=${value.replace(/[\\,=]/g, String.raw`\$&`)}`)
    .join(",");
}

/** A label that is named `matchLabels` would have a string, a list or a boolean. */
function isSelectorObject(input: object): input is LabelSelectorObject {
  const { matchLabels, matchExpressions } = input as Record<string, unknown>;
  const isLabels = typeof matchLabels === "object" && !Array.isArray(matchLabels);
  const isExpressions = Array.isArray(matchExpressions) && typeof matchExpressions[0] !== "string";
  return isLabels || isExpressions;
}

function requirementTerm(name: string, requirement: LabelRequirement): string {
  if (typeof requirement === "string") return `${name}=${requirement}`;
  if (typeof requirement === "boolean") return requirement ? name : `!${name}`;
  return `${name} in (${requirement.join(",")})`;
}

function expression({ key, operator, values = [] }: LabelExpression): string {
  switch (operator) {
    case "In":
      return `${key} in (${values.join(",")})`;
    case "NotIn":
      return `${key} notin (${values.join(",")})`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
    default:
      throw new TypeError(
        `Cannot use operator ${operator} of label ${key}: there is none of that name`,
      );
  }
}

/** Selectors as a query has them. */
export function selectorQuery(options: SelectorOptions): Record<string, string | undefined> {
  return {
    labelSelector: labelSelector(options.labelSelector),
    fieldSelector: fieldSelector(options.fieldSelector),
  };
}
