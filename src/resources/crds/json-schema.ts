/**
 * From a schema of zod to JSON Schema in the dialect of OpenAPI 3.0, which is that of CustomResourceDefinitions.
 *
 * @module
 */

import * as z from "zod/mini";
import { isMapping } from "../../plain-object.ts";
import { type Problems, below } from "./problems.ts";

/** A JSON Schema, as far as it is known. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Types of zod that have no form in JSON. */
const withoutJson: Readonly<Record<string, string>> = {
  bigint: "a bigint has no form in JSON; use z.int()",
  custom: "a custom check can't be expressed",
  date: "a Date has no form in JSON; use z.iso.datetime()",
  file: "a File has no form in JSON",
  function: "a function has no form in JSON",
  map: "a Map has no form in JSON; use z.record()",
  nan: "NaN has no form in JSON",
  never: "there is no value of it; leave the field out",
  null: "null is no value of its own in Kubernetes; use z.nullable() or z.optional()",
  promise: "a promise has no form in JSON",
  set: "a Set has no form in JSON; use z.array()",
  symbol: "a symbol has no form in JSON",
  transform: "the input of a transform is not known; put a schema before it with z.pipe()",
  tuple: "a tuple can't be expressed; use z.array() or z.object()",
  undefined: "undefined has no form in JSON; use z.optional()",
  void: "there is no value of it; leave the field out",
};

/** Checks that JSON Schema has too, and those that reject nothing. */
const expressible: ReadonlySet<string> = new Set([
  "describe",
  "greater_than",
  "length_equals",
  "less_than",
  "max_length",
  "min_length",
  "multiple_of",
  "number_format",
  "meta",
  "overwrite",
  "string_format",
]);

/**
 * Makes the JSON Schema of what a schema takes.
 *
 * @throws {TypeError} if the schema is none of zod's, and can't describe itself either.
 */
export function jsonSchemaOf(schema: object, problems: Problems): JsonSchema {
  if (!("_zod" in schema)) return standardJsonSchema(schema);
  try {
    return z.toJSONSchema(schema as z.core.$ZodType, {
      target: "openapi-3.0",
      io: "input",
      unrepresentable: "any",
      cycles: "throw",
      reused: "inline",
      // Without this, schemas with an ID would become references, which Kubernetes does not know.
      metadata: new RegistryWithoutIds(),
      override({ zodSchema, jsonSchema, path }) {
        const field = fieldOf(path);
        const def = defOf(zodSchema);
        const reason = withoutJson[def.type];
        if (reason !== undefined) problems.add(field, reason);
        if (def.type === "record" && hasKeyRules(def)) {
          problems.add(field, "the keys of a record can't be restricted; use a CEL rule");
        }
        if (def.values?.some((value) => typeof value === "bigint") === true) {
          problems.add(field, "a bigint has no form in JSON; use a number");
        }
        noteChecks(def, jsonSchema, (problem) => problems.add(field, problem));
      },
    });
  } catch (error) {
    const [, path] = /Cycle detected: #\/(.*)\/<root>/.exec(String(error)) ?? [];
    if (path === undefined) throw error;
    problems.add(fieldOf(path.split("/")), "it contains itself, which a structural schema can't");
    return { type: "object" };
  }
}

/** A library's own JSON Schema (Standard JSON Schema). */
function standardJsonSchema(schema: object): JsonSchema {
  const standard = "~standard" in schema ? schema["~standard"] : undefined;
  const convert = isMapping(standard) ? standard["jsonSchema"] : undefined;
  if (isMapping(convert) && typeof convert["input"] === "function") {
    return convert["input"]({ target: "openapi-3.0" }) as JsonSchema;
  }
  throw new TypeError(
    "Cannot make a CustomResourceDefinition: the schema is none of zod's, and its library has no Standard JSON Schema",
  );
}

class RegistryWithoutIds extends z.core.$ZodRegistry<Record<string, unknown>> {
  override get(schema: z.core.$ZodType): Record<string, unknown> | undefined {
    const found = z.globalRegistry.get(schema);
    if (found === undefined) return undefined;
    const { id: _id, ...rest } = found;
    return rest;
  }
}

/** What zod knows of a schema or a check. */
interface Definition {
  readonly type: string;
  readonly checks?: readonly object[];
  readonly keyType?: object;
  readonly format?: string;
  /** A check's name, and its limits. */
  readonly check?: string;
  readonly pattern?: RegExp;
  /** The values of a literal. */
  readonly values?: readonly unknown[];
  /** What the parts of a URL must be. */
  readonly protocol?: RegExp;
  readonly hostname?: RegExp;
  readonly minimum?: number;
  readonly maximum?: number;
}

function defOf(schemaOrCheck: object): Definition {
  const { _zod: internals } = schemaOrCheck as { readonly _zod: { readonly def: Definition } };
  return internals.def;
}

function hasKeyRules({ keyType }: Definition): boolean {
  const { type = "", checks = [], format } = keyType === undefined ? {} : defOf(keyType);
  return type !== "string" || checks.length > 0 || format !== undefined;
}

function noteChecks(
  def: Definition,
  schema: Record<string, unknown>,
  onProblem: (reason: string) => void,
): void {
  const own = def.check === undefined || def.type === "custom" ? [] : [def];
  for (const one of [...own, ...(def.checks ?? []).map(defOf)]) {
    const { check = "", minimum, maximum, pattern, protocol, hostname } = one;
    const [flag] = /[imsvy]/.exec(pattern?.flags ?? "") ?? [];
    if (flag !== undefined) {
      const reason = `its pattern has the flag ${flag}, which is not known to the server; write it without, as in [Aa]`;
      onProblem(reason);
    }
    const isUrlPart = protocol !== undefined || hostname !== undefined;
    if (check === "min_size") schema["minProperties"] = minimum;
    else if (check === "max_size") schema["maxProperties"] = maximum;
    else if (
      (isUrlPart || !expressible.has(check)) &&
      schema["x-kubernetes-validations"] === undefined
    ) {
      const what = isUrlPart ? "what a URL's parts must be" : "a refinement";
      const reason = `${what} needs a CEL rule beside it: z.meta({ "x-kubernetes-validations": [...] })`;
      onProblem(reason);
    }
  }
}

/** The field that a path through a JSON Schema leads to, as in `spec.ports[].name`. */
function fieldOf(path: readonly (string | number)[]): string {
  let field = "";
  for (let at = 0; at < path.length; at += 1) {
    const step = path[at];
    if (step === "properties") field = below(field, String(path[++at]));
    else if (step === "items") field += "[]";
    else if (step === "additionalProperties") field += "[*]";
  }
  return field;
}
