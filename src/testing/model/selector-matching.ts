/**
 * Label and field selectors.
 *
 * @module
 */

import { type KindDefinition, isCustom } from "./served-kinds.ts";
import { type ApiObject, valueAt } from "./objects.ts";
import { badRequest } from "./refusal.ts";

/** Whether an object is selected. */
export type Selector = (object: ApiObject) => boolean;

type Labels = Record<string, string>;
type Requirement = (labels: Labels) => boolean;

const NAME = String.raw`[A-Za-z0-9_./-]+`;
const SET = new RegExp(String.raw`^(${NAME})\s+(in|notin)\s*\(([^()]*)\)$`);
const EQUALITY = new RegExp(String.raw`^(${NAME})\s*(=|==|!=)\s*([A-Za-z0-9_.-]*)$`);
const COMPARISON = new RegExp(String.raw`^(${NAME})\s*([<>])\s*(-?\d+)$`);
const EXISTENCE = new RegExp(String.raw`^(!?)\s*(${NAME})$`);

const LABEL_NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** The fields that selectors can use, and the kinds that have them; an empty list means every kind. */
const FIELDS: Record<string, readonly string[]> = {
  "metadata.name": [],
  "metadata.namespace": [],
  "spec.nodeName": ["pods"],
  "spec.restartPolicy": ["pods"],
  "spec.serviceAccountName": ["pods"],
  "status.phase": ["pods", "namespaces"],
  "status.podIP": ["pods"],
  "spec.signerName": ["certificatesigningrequests", "clustertrustbundles"],
  "involvedObject.kind": ["events"],
  "involvedObject.namespace": ["events"],
  "involvedObject.name": ["events"],
  "involvedObject.uid": ["events"],
  reason: ["events"],
  type: ["events"],
};

/** Parses `labelSelector`; `undefined` if it is empty. */
export function labelSelector(text: string): Selector | undefined {
  // A comma within parentheses separates values, not terms.
  const terms = text.split(/,(?![^(]*\))/).map((term) => term.trim());
  if (text.trim() === "") return undefined;
  const requirements = terms.map(readRequirement);
  return ({ metadata }) => requirements.every((meets) => meets(metadata?.labels ?? {}));
}

/** Parses `fieldSelector`; `undefined` if it is empty. */
export function fieldSelector(text: string, kind: KindDefinition): Selector | undefined {
  const { plural } = kind;
  if (text === "") return undefined;
  const terms = text.split(/(?<!\\),/).map((term) => {
    const [, field = "", operator, escaped = ""] = /^([^=!]+)(!=|==?)(.*)$/.exec(term) ?? [];
    if (operator === undefined) {
      throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    const kinds = FIELDS[field];
    if (kinds === undefined || (kinds.length > 0 && !kinds.includes(plural))) {
      // Kinds with field selectors of their own word this error differently.
      const hasOwn =
        isCustom(kind) || Object.values(FIELDS).some((others) => others.includes(plural));
      throw badRequest(
        hasOwn
          ? `field label not supported: ${field}`
          : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
      );
    }
    const value = escaped.replace(/\\(.)/g, "$1");
    return { path: field.split("."), value, isNegated: operator === "!=" };
  });
  return (object) =>
    terms.every(({ path, value, isNegated }) => {
      const isEqual = (valueAt(object, path) ?? "") === value;
      return isEqual !== isNegated;
    });
}

function readRequirement(term: string): Requirement {
  const set = SET.exec(term);
  if (set !== null) {
    const [, name = "", operator, list = ""] = set;
    checkLabel(name);
    const values = new Set(list.split(",").map((value) => value.trim()));
    return operator === "in" ? isIn(name, values) : (labels) => !isIn(name, values)(labels);
  }
  const equality = EQUALITY.exec(term);
  if (equality !== null) {
    const [, name = "", operator, value = ""] = equality;
    checkLabel(name);
    if (operator === "!=") return (labels) => labels[name] !== value;
    return (labels) => labels[name] === value;
  }
  const comparison = COMPARISON.exec(term);
  if (comparison !== null) {
    const [, name = "", operator, bound] = comparison;
    checkLabel(name);
    return (labels) => {
      const value = Number(labels[name]);
      return operator === ">" ? value > Number(bound) : value < Number(bound);
    };
  }
  const existence = EXISTENCE.exec(term);
  if (existence === null) {
    throw badRequest(`unable to parse requirement: found '${term}', expected: identifier`);
  }
  const [, not, name = ""] = existence;
  checkLabel(name);
  return (labels) => name in labels === (not === "");
}

function checkLabel(key: string): void {
  const parts = key.split("/");
  const name = parts.pop() ?? "";
  const [prefix, ...more] = parts;
  if (LABEL_NAME.test(name) && prefix !== "" && more.length === 0) return;
  throw badRequest(`unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}`);
}

/** A missing label is in no set, so `notin` matches it. */
function isIn(name: string, values: ReadonlySet<string>): Requirement {
  return (labels) => name in labels && values.has(labels[name] ?? "");
}
