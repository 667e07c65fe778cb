/**
 * From JSON Schema to a structural schema, as CustomResourceDefinitions need it: every field has a type, and what is
 * said of it in `allOf` and `anyOf` only restricts its values (apiextensions `structural schema`).
 *
 * @module
 */

import { isEqual } from "../../is-equal.ts";
import { isMapping } from "../../plain-object.ts";
import type { JSONSchemaProps } from "../generated/apiextensions-v1.ts";
import type { JsonSchema } from "./json-schema.ts";
import { type Problems, below } from "./problems.ts";

/** What is said of any value. */
const annotations = ["title", "description", "default", "nullable"];

/** What restricts a value. */
const restrictions = [
  "enum",
  "format",
  "maxItems",
  "maxLength",
  "maxProperties",
  "maximum",
  "exclusiveMaximum",
  "minItems",
  "minLength",
  "minProperties",
  "minimum",
  "exclusiveMinimum",
  "multipleOf",
  "pattern",
];

/** Formats that the API server validates (apiextensions `SupportedFormats`), and those of numbers. */
const formats: ReadonlySet<string> = new Set([
  "byte",
  "cidr",
  "date",
  "date-time",
  "email",
  "hostname",
  "int32",
  "int64",
  "float",
  "double",
  "ipv4",
  "ipv6",
  "mac",
  "uri",
  "uuid",
]);

const PRESERVE = "x-kubernetes-preserve-unknown-fields";
const INT_OR_STRING = "x-kubernetes-int-or-string";

/** Makes a structural schema. */
export class StructuralSchemas {
  readonly #problems: Problems;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  /** The structural schema of a field. */
  of(given: JsonSchema, field: string): JSONSchemaProps {
    const schema = this.#withoutUnions(given, field);
    const { type } = schema;
    const limits = this.#restrictionsOf(schema, field);
    const own = {
      ...picked(schema, annotations),
      ...(type === "string" ? withFormatApart(limits) : limits),
      ...extensionsOf(schema),
    };
    if (schema[INT_OR_STRING] === true) return own;
    if (type === undefined) {
      if (schema[PRESERVE] !== true && !isAny(schema)) {
        this.#problems.add(field, "its type is not clear");
      }
      return { ...own, [PRESERVE]: true };
    }
    if (type === "object") return { ...own, type, ...this.#objectOf(schema, field) };
    if (type === "array") {
      const { items } = schema;
      return { ...own, type, items: this.of(isMapping(items) ? items : {}, `${field}[]`) };
    }
    if (typeof type === "string" && /^(?:boolean|integer|number|string)$/.test(type)) {
      return { ...own, type };
    }
    this.#problems.add(field, `the type ${JSON.stringify(type)} can't be expressed`);
    return own;
  }

  #objectOf(schema: JsonSchema, field: string): JSONSchemaProps {
    const { additionalProperties: others, required } = schema;
    const fields = fieldsOf(schema);
    const properties = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, this.of(value, below(field, name))]),
    );
    const hasFields = Object.keys(fields).length > 0;
    const own = {
      ...(hasFields && { properties }),
      ...(Array.isArray(required) && required.length > 0 && { required: required as string[] }),
    };
    // `false` goes without saying: the server prunes fields that it does not know.
    if (others === undefined || others === false) return own;
    if (others === true || (isMapping(others) && isAny(others)))
      return { ...own, [PRESERVE]: true };
    if (hasFields) {
      const reason =
        "named fields beside others of one type can't be expressed; use z.looseObject()";
      this.#problems.add(field, reason);
    }
    return { ...own, additionalProperties: this.of(others as JsonSchema, `${field}[*]`) };
  }

  #restrictionsOf(schema: JsonSchema, field: string): JSONSchemaProps {
    const own: Record<string, unknown> = picked(schema, restrictions);
    // That of every integer in JavaScript.
    if (own["minimum"] === Number.MIN_SAFE_INTEGER) delete own["minimum"];
    if (own["maximum"] === Number.MAX_SAFE_INTEGER) delete own["maximum"];
    this.#checkNumbers(own, schema, field);
    if (Array.isArray(own["enum"]) && schema["nullable"] === true) this.#nullableEnum(own, field);
    const { format } = own;
    const [pattern, ofLength] = withoutLookahead(own["pattern"]);
    own["pattern"] = pattern;
    if (pattern === undefined) delete own["pattern"];
    if (typeof pattern === "string" && !isRe2(pattern)) {
      // A format of the server's own says the same.
      const known = typeof format === "string" && format !== "duration" && formats.has(format);
      if (!known) {
        const reason =
          "its pattern is none for the server, whose regular expressions (RE2) have no lookahead, no reference back, no \\u and no repetition beyond 1000; use a CEL rule";
        this.#problems.add(field, reason);
      }
      delete own["pattern"];
    }
    // The server takes a path for a URI.
    if (format === "uri" && own["pattern"] === undefined)
      own["pattern"] = "^[A-Za-z][A-Za-z0-9+.-]*:";
    // The server's would have a top-level domain.
    if (format === "hostname" && pattern !== undefined) delete own["format"];
    if (typeof format === "string" && !formats.has(format)) {
      const hasPattern = [schema, ...partsOf(schema, "allOf")].some((part) => "pattern" in part);
      if (!hasPattern) {
        this.#problems.add(
          field,
          `the server does not validate the format ${format}; use a pattern`,
        );
      }
      delete own["format"];
    }
    for (const junctor of ["allOf", "anyOf", "oneOf"] as const) {
      const more = junctor === "allOf" && ofLength !== undefined ? [{ pattern: ofLength }] : [];
      const parts = [...partsOf(schema, junctor), ...more];
      if (parts.length === 0 || isIntOrString(parts)) continue;
      const restricted = parts.map((part) => this.#restrictionsBelow(part, field));
      // One that restricts nothing lets everything through; in `allOf` it is of no use.
      const isUseful = (part: object): boolean => Object.keys(part).length > 0;
      if (junctor === "allOf" ? restricted.some(isUseful) : restricted.every(isUseful)) {
        own[junctor] = restricted.filter(isUseful);
      }
    }
    return own;
  }

  /** For whole numbers, the server cuts limits down to integers of 64 bits (kube-openapi `validate/values.go`). */
  #checkNumbers(own: Record<string, unknown>, schema: JsonSchema, field: string): void {
    // That of every number in JavaScript.
    if (own["minimum"] === -Number.MAX_VALUE) delete own["minimum"];
    if (own["maximum"] === Number.MAX_VALUE) delete own["maximum"];
    for (const name of ["minimum", "maximum", "multipleOf"]) {
      const limit = own[name];
      if (typeof limit !== "number" || (Number.isInteger(limit) && Math.abs(limit) < 2 ** 63))
        continue;
      const hasRule = schema["x-kubernetes-validations"] !== undefined;
      if (hasRule) delete own[name];
      else {
        const reason = `its ${name} of ${limit} is no integer of 64 bits, to which the server would cut it; add a CEL rule: z.meta({ "x-kubernetes-validations": [...] })`;
        this.#problems.add(field, reason);
      }
    }
  }

  /** The server matches null against an enumeration and never finds it, but not against a pattern. */
  #nullableEnum(own: Record<string, unknown>, field: string): void {
    const values = (own["enum"] as unknown[]).filter((value) => value !== null);
    delete own["enum"];
    const texts = values.filter((value) => typeof value === "string");
    if (texts.length < values.length) {
      this.#problems.add(field, "an enumeration with null can have no other values than texts");
    }
    const escaped = texts.map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
    own["pattern"] = `^(?:${escaped.join("|")})$`;
  }

  /** What restricts a value and the values in it, without their types, which have been said. */
  #restrictionsBelow(schema: JsonSchema, field: string): JSONSchemaProps {
    const { required, items } = schema;
    const fields = Object.entries(fieldsOf(schema))
      .map(([name, value]) => [name, this.#restrictionsBelow(value, below(field, name))] as const)
      .filter(([, value]) => Object.keys(value).length > 0);
    const ofItems = isMapping(items) ? this.#restrictionsBelow(items, `${field}[]`) : {};
    return {
      ...this.#restrictionsOf(schema, field),
      ...(fields.length > 0 && { properties: Object.fromEntries(fields) }),
      ...(Array.isArray(required) && required.length > 0 && { required: required as string[] }),
      ...(Object.keys(ofItems).length > 0 && { items: ofItems }),
    };
  }

  /** A schema whose `anyOf` and `oneOf`, if it has any, do not say which type it has. */
  #withoutUnions(schema: JsonSchema, field: string): JsonSchema {
    const { anyOf: _any, oneOf: _one, allOf: _all, ...rest } = schema;
    const branches = [...partsOf(schema, "anyOf"), ...partsOf(schema, "oneOf")];
    const all = partsOf(schema, "allOf");
    if (schema["type"] !== undefined || (branches.length === 0 && all.length === 0)) return schema;
    if (isIntOrString(branches)) return { ...rest, [INT_OR_STRING]: true };
    const whole = (branches.length > 0 ? branches : all).map((one) =>
      isUnion(one) ? one : this.#withoutUnions(one, field),
    );
    const types = new Set(whole.map(typeOf));
    const [type] = types;
    if (types.size > 1 || type === undefined) {
      const names = [...types].map((name) => name ?? "anything");
      const reason = `a union of ${names.join(" and ")} can't be expressed, except for one of z.int() and z.string(); use z.unknown() and CEL rules`;
      this.#problems.add(field, reason);
      return { ...rest, [PRESERVE]: true };
    }
    if (whole.every((branch) => Array.isArray(branch["enum"]))) {
      if (branches.length > 0) {
        const values = whole.flatMap((branch) => branch["enum"] as unknown[]);
        return { ...rest, type, enum: [...new Set(values)] };
      }
    }
    const outline = whole.reduce((a, b) => this.#joined(a, b, field));
    return { ...schema, ...outline, ...rest, type };
  }

  /** What two schemas of the same type have in common, and the fields of both. */
  #joined(a: JsonSchema, b: JsonSchema, field: string): JsonSchema {
    const type = typeOf(a);
    if (isEqual(a, b)) return a;
    if (type !== typeOf(b) || isUnion(a) !== isUnion(b)) {
      const [one, other] = [a, b].map((part) => typeOf(part) ?? "of any type");
      this.#problems.add(field, `it is ${one} in one part of a union and ${other} in another`);
    }
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const isShared = name === "nullable" || name.startsWith("x-kubernetes-");
      const isOfOthers =
        name === "additionalProperties" && (isMapping(a[name]) || isMapping(b[name]));
      if ((isShared || isOfOthers) && !isEqual(a[name], b[name])) {
        this.#problems.add(
          field,
          `the parts of a union differ in ${name}, which can't be expressed`,
        );
      }
    }
    const [one, other] = [fieldsOf(a), fieldsOf(b)];
    const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
    const properties = names.map((name) => {
      const [x, y] = [one[name], other[name]];
      return [name, x && y ? this.#joined(x, y, below(field, name)) : (x ?? y)] as const;
    });
    const { nullable, items, additionalProperties } = a;
    return {
      ...(type !== undefined && { type }),
      ...(nullable !== undefined && { nullable }),
      ...(isUnion(a) && { anyOf: a["anyOf"] }),
      ...(isMapping(additionalProperties) && { additionalProperties }),
      ...(names.length > 0 && { properties: Object.fromEntries(properties) }),
      ...(isMapping(items) && {
        items: this.#joined(items, isMapping(b["items"]) ? b["items"] : {}, `${field}[]`),
      }),
      ...extensionsOf(a),
    };
  }
}

/**
 * Beside a format, the server takes a list for a string (kube-openapi `validate/type.go`). Apart from the type, the
 * format only judges strings.
 */
function withFormatApart({ format, ...rest }: JSONSchemaProps): JSONSchemaProps {
  return format === undefined ? rest : { ...rest, allOf: [...(rest.allOf ?? []), { format }] };
}

/** A pattern, and what a lookahead at its beginning says of the whole text, as a pattern of its own. */
function withoutLookahead(pattern: unknown): [pattern: unknown, whole?: string] {
  if (typeof pattern !== "string") return [pattern];
  const [all = "", whole] = /^\^\(\?=([^()]*\$)\)/.exec(pattern) ?? [];
  return whole === undefined ? [pattern] : [`^${pattern.slice(all.length)}`, `^${whole}`];
}

function typeOf({ type }: JsonSchema): string | undefined {
  return typeof type === "string" ? type : undefined;
}

/** Whether a schema is int-or-string. */
function isUnion(schema: JsonSchema): boolean {
  return isIntOrString(partsOf(schema, "anyOf"));
}

/** Whether a union is what Kubernetes calls int-or-string. */
function isIntOrString(branches: readonly JsonSchema[]): boolean {
  const types = branches.map((branch) => {
    const { type, minimum, maximum, ...rest } = branch;
    const isPlain =
      Object.keys(rest).length === 0 &&
      (minimum === undefined || minimum === Number.MIN_SAFE_INTEGER) &&
      (maximum === undefined || maximum === Number.MAX_SAFE_INTEGER);
    return isPlain ? type : undefined;
  });
  return types.length === 2 && types.includes("integer") && types.includes("string");
}

function fieldsOf({ properties }: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return isMapping(properties) ? (properties as Record<string, JsonSchema>) : {};
}

function partsOf(schema: JsonSchema, junctor: "allOf" | "anyOf" | "oneOf"): readonly JsonSchema[] {
  const parts = schema[junctor];
  return Array.isArray(parts) ? parts.filter(isMapping) : [];
}

/** Whether a schema takes any value. */
function isAny(schema: JsonSchema): boolean {
  const says = ["type", "enum", "anyOf", "oneOf", "allOf", "not"];
  return says.every((name) => schema[name] === undefined);
}

function picked(schema: JsonSchema, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.flatMap((name) => (schema[name] === undefined ? [] : [[name, schema[name]]])),
  );
}

/** What only Kubernetes knows, which zod passes on as metadata. */
function extensionsOf(schema: JsonSchema): Record<string, unknown> {
  return picked(
    schema,
    Object.keys(schema).filter((name) => name.startsWith("x-kubernetes-")),
  );
}

/** Whether Go's regular expressions (RE2) know all of a pattern, as far as JavaScript's have more. */
function isRe2(pattern: string): boolean {
  const withoutBackslashes = pattern.replaceAll(String.raw`\\`, "");
  const repetitions = [...withoutBackslashes.matchAll(/\{(\d+)(?:,(\d*))?\}/g)];
  const isLong = repetitions.some(([, least, most]) => Number(least) > 1000 || Number(most) > 1000);
  return !isLong && !/\(\?<?[=!]|\\(?:[1-9]|k<|u|c)|\[\^?\]|\\p\{\w+=/i.test(withoutBackslashes);
}
