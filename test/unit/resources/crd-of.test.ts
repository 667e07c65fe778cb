/**
 * CustomResourceDefinitions from schemas. `test/e2e/crds.test.ts` compares their verdicts at kube-apiserver.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { z } from "zod/mini";
import * as classic from "zod";
import { Pod, crdOf, defineResource } from "../../../src/resources/index.ts";

function kindOf(schema: unknown, subresources: readonly string[] = ["status"]) {
  return defineResource({
    group: "example.com",
    version: "v1",
    kind: "Widget",
    plural: "widgets",
    namespaced: true,
    subresources,
    schema: schema as never,
  });
}

/** The structural schema of a field. */
async function field(schema: unknown): Promise<unknown> {
  const { spec } = await crdOf(kindOf(z.object({ field: schema as z.core.$ZodType })));
  return spec.versions[0]?.schema?.openAPIV3Schema?.properties?.["field"];
}

async function problem(schema: unknown, options = {}): Promise<string> {
  const error: unknown = await crdOf(kindOf(schema), options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TypeError);
  return (error as Error).message;
}

const preserved = { "x-kubernetes-preserve-unknown-fields": true };
const named = z.string().check(z.meta({ id: "Named" }));
const circle = z.object({ type: z.literal("circle"), radius: z.number() });
const square = z.object({ type: z.literal("square"), side: z.number().check(z.minimum(1)) });

describe("crdOf() makes", () => {
  test("the names, the scope and the version of the kind", async () => {
    const crd = await crdOf(kindOf(z.object({ spec: z.object({}) })), { shortNames: ["wg"] });
    expect(crd).toEqual({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "widgets.example.com" },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: {
          kind: "Widget",
          listKind: "WidgetList",
          plural: "widgets",
          singular: "widget",
          shortNames: ["wg"],
        },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: { spec: { type: "object" } },
                required: ["spec"],
              },
            },
            subresources: { status: {} },
          },
        ],
      },
    });
  });

  test.each<[what: string, schema: unknown, expected: unknown]>([
    ["an integer", z.int(), { type: "integer" }],
    ["int32", z.int32(), { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }],
    [
      "a union of unions of literals",
      z.union([z.union([z.literal("a"), z.literal("b")]), z.literal("c")]),
      { type: "string", enum: ["a", "b", "c"] },
    ],
    [
      "a union in a union of objects",
      z.union([z.union([circle, square]), z.object({ type: z.literal("point") })]),
      expect.objectContaining({
        type: "object",
        properties: {
          type: { type: "string" },
          radius: { type: "number" },
          side: { type: "number", minimum: 1 },
        },
      }),
    ],
    [
      "a URL",
      z.url(),
      { type: "string", pattern: "^[A-Za-z][A-Za-z0-9+.-]*:", allOf: [{ format: "uri" }] },
    ],
    [
      "a lookahead at the beginning as a pattern of its own",
      z.string().check(z.regex(/^(?=.{1,9}$)[a-z]+(?:-[a-z]+)*$/)),
      { type: "string", pattern: "^[a-z]+(?:-[a-z]+)*$", allOf: [{ pattern: "^.{1,9}$" }] },
    ],
    ["float64", z.float64(), { type: "number" }],
    [
      "a pattern",
      z.string().check(z.regex(/^\\u{3}\p{L}$/u)),
      { type: "string", pattern: "^\\\\u{3}\\p{L}$" },
    ],
    ["int-or-string", z.union([z.string(), z.int()]), { "x-kubernetes-int-or-string": true }],
    ["any value", z.unknown(), preserved],
    ["a loose object", z.looseObject({}), { type: "object", ...preserved }],
    ["a strict object", z.strictObject({}), { type: "object" }],
    [
      "a record",
      z.record(z.string(), z.int()).check(z.maxSize(3)),
      { type: "object", additionalProperties: { type: "integer" }, maxProperties: 3 },
    ],
    ["a record of anything", z.record(z.string(), z.unknown()), { type: "object", ...preserved }],
    ["a literal", z.literal("a"), { type: "string", enum: ["a"] }],
    ["literals", z.union([z.literal("a"), z.literal("b")]), { type: "string", enum: ["a", "b"] }],
    [
      "a nullable enumeration",
      z.nullable(z.enum(["a.b", "c|d"])),
      { type: "string", nullable: true, pattern: String.raw`^(?:a\.b|c\|d)$` },
    ],
    [
      "texts in two ways",
      z.union([z.string().check(z.maxLength(1)), z.string().check(z.minLength(5))]),
      { type: "string", anyOf: [{ maxLength: 1 }, { minLength: 5 }] },
    ],
    ["a default", classic.z.boolean().default(true), { type: "boolean", default: true }],
    ["the input of a pipe", z.pipe(z.string(), z.transform(Number)), { type: "string" }],
    [
      "a format of the server's",
      z.iso.datetime(),
      { type: "string", pattern: expect.any(String) as string, allOf: [{ format: "date-time" }] },
    ],
    [
      "a pattern instead of a format that the server does not know",
      z.ulid(),
      { type: "string", pattern: expect.any(String) as string },
    ],
    [
      "a pattern instead of a format that the server has another idea of",
      z.hostname(),
      {
        type: "string",
        pattern: expect.stringMatching(/^\^\[a-zA-Z0-9\]/) as string,
        allOf: [{ pattern: String.raw`^.{1,253}\.?$` }],
      },
    ],
    [
      "metadata for Kubernetes, and for people",
      z.array(z.string()).check(z.meta({ description: "d", "x-kubernetes-list-type": "set" })),
      {
        type: "array",
        items: { type: "string" },
        description: "d",
        "x-kubernetes-list-type": "set",
      },
    ],
    [
      "a schema with an ID, which is used twice",
      z.object({ a: named, b: named }),
      {
        type: "object",
        properties: { a: { type: "string" }, b: { type: "string" } },
        required: ["a", "b"],
      },
    ],
    [
      "a discriminated union",
      z.discriminatedUnion("type", [circle, square]),
      {
        type: "object",
        properties: {
          type: { type: "string" },
          radius: { type: "number" },
          side: { type: "number", minimum: 1 },
        },
        oneOf: [
          { properties: { type: { enum: ["circle"] } }, required: ["type", "radius"] },
          {
            properties: { type: { enum: ["square"] }, side: { minimum: 1 } },
            required: ["type", "side"],
          },
        ],
      },
    ],
  ])("%s", async (_what, schema, expected) => {
    expect(await field(schema)).toEqual(expected);
  });

  test("the same from zod and zod/mini, and from other self-describing schemas", async () => {
    const mini = await crdOf(kindOf(z.object({ spec: z.object({ a: z.int() }) })));
    const whole = classic.z.object({ spec: classic.z.object({ a: classic.z.int() }) });
    expect(await crdOf(kindOf(whole))).toEqual(mini);
    const { "~standard": standard } = whole;
    expect(await crdOf(kindOf({ "~standard": standard }))).toEqual(mini);
  });

  test("no rules for the fields that all objects have", async () => {
    const metadata = z.object({ name: z.string(), labels: z.record(z.string(), z.string()) });
    const schema = z.object({ apiVersion: z.string(), kind: z.string(), metadata, a: z.int() });
    const { spec } = await crdOf(kindOf(schema));
    expect(spec.versions[0]?.schema?.openAPIV3Schema).toEqual({
      type: "object",
      properties: { a: { type: "integer" } },
      required: ["a"],
    });
  });

  test("columns, whose types it derives, rules and the scale", async () => {
    const list = z.array(z.object({ port: z.int() }));
    const schema = z.object({
      spec: z.object({ replicas: z.int(), list, at: z.iso.datetime() }),
      status: z.optional(z.object({ replicas: z.int(), selector: z.string() })),
    });
    const labelSelectorPath = ".status.selector";
    const { spec } = await crdOf(kindOf(schema, ["status", "scale"]), {
      subresources: { scale: { labelSelectorPath } },
      printerColumns: [
        { name: "Replicas", jsonPath: ".spec.replicas" },
        { name: "At", jsonPath: ".spec.at" },
        { name: "Age", jsonPath: ".metadata.creationTimestamp", priority: 1 },
        { name: "First", jsonPath: ".spec.list[0].port" },
      ],
      validations: { "spec.list[]": { rule: "self.port > 0" } },
    });
    const [version] = spec.versions;
    expect(version?.additionalPrinterColumns?.map(({ type }) => type)).toEqual([
      "integer",
      "date",
      "date",
      "integer",
    ]);
    expect(version?.subresources?.scale).toEqual({
      specReplicasPath: ".spec.replicas",
      statusReplicasPath: ".status.replicas",
      labelSelectorPath,
    });
    expect(
      version?.schema?.openAPIV3Schema?.properties?.["spec"]?.properties?.["list"],
    ).toMatchObject({ items: { "x-kubernetes-validations": [{ rule: "self.port > 0" }] } });
  });
});

describe("crdOf() rejects, naming the field,", () => {
  const inList = (schema: unknown) =>
    z.object({ spec: z.object({ list: z.array(z.object({ x: schema as z.core.$ZodType })) }) });

  test.each<[what: string, schema: unknown, reason: string]>([
    ["a Date", z.date(), "use z.iso.datetime()"],
    ["a bigint", z.bigint(), "use z.int()"],
    ["a Map", z.map(z.string(), z.string()), "use z.record()"],
    ["a Set", z.set(z.string()), "use z.array()"],
    ["a tuple", z.tuple([z.string()]), "a tuple can't be expressed"],
    ["null", z.null(), "use z.nullable()"],
    ["a check of one's own", z.custom(), "a custom check"],
    ["a transform alone", z.transform(Number), "put a schema before it"],
    ["a refinement", z.string().check(z.refine(Boolean)), "needs a CEL rule beside it"],
    ["restricted keys", z.record(z.enum(["a"]), z.int()), "the keys of a record"],
    ["a pattern with look-ahead", z.string().check(z.regex(/a(?=b)/)), "none for the server"],
    ["a pattern with \\u", z.string().check(z.regex(/[\u00e0-\u00ff]/)), "none for the server"],
    ["a pattern with \\c", z.string().check(z.regex(/\cA/)), "none for the server"],
    ["a pattern of anything", z.string().check(z.regex(/[^]/)), "none for the server"],
    ["a long repetition", z.string().check(z.regex(/a{1,2000}/)), "none for the server"],
    ["a pattern with a flag", z.string().check(z.regex(/abc/i)), "its pattern has the flag i"],
    ["a pattern over lines", z.string().check(z.regex(/^a$/m)), "its pattern has the flag m"],
    ["a URL of one protocol", z.url({ protocol: /^https$/ }), "what a URL's parts must be"],
    ["a URL of one host", z.url({ hostname: /^a$/ }), "what a URL's parts must be"],
    ["a fraction as a limit", z.number().check(z.gte(0.5)), "its minimum of 0.5 is no integer"],
    ["a multiple of a fraction", z.number().check(z.multipleOf(0.5)), "its multipleOf of 0.5"],
    ["a limit beyond 64 bits", z.number().check(z.lte(1e300)), "its maximum of 1e+300"],
    ["float32", z.float32(), "its maximum of 3.4"],
    ["a literal bigint", z.literal(5n), "a bigint has no form in JSON"],
    ["a format that nobody validates", z.jwt(), "does not validate the format jwt"],
    ["fields beside others", z.catchall(z.object({ a: z.int() }), z.int()), "z.looseObject()"],
    ["a union of types", z.union([z.boolean(), z.string()]), "a union of boolean and string"],
    [
      "int-or-string with limits",
      z.union([z.int32(), z.string()]),
      "a union of integer and string",
    ],
    ["literals of types", z.literal(["a", 1]), "its type is not clear"],
    [
      "a nullable enumeration of numbers",
      z.nullable(z.literal([1, 2])),
      "an enumeration with null",
    ],
  ])("%s", async (_what, schema, reason) => {
    const message = await problem(inList(schema));
    expect(message).toMatch(
      /^Cannot make a CustomResourceDefinition of Widget: spec\.list\[\]\.x: /,
    );
    expect(message).toContain(reason);
    expect(message).not.toMatch(/\.$/);
  });

  test("union members that differ in a way that can't be expressed", async () => {
    const one = z.object({ a: z.int(), c: z.nullable(z.int()) });
    const other = z.object({ a: z.string(), c: z.int() });
    const message = await problem(z.object({ u: z.union([one, other]) }));
    expect(message).toContain("u.a: it is integer in one part of a union and string in another");
    expect(message).toContain("u.c: the parts of a union differ in nullable");
  });

  test("several problems, all at once", async () => {
    const message = await problem(
      z.object({ a: z.date(), b: z.record(z.string(), z.set(z.int())) }),
    );
    expect(message).toMatch(/a: a Date .*; b\[\*\]: a Set /);
  });

  test("a recursive schema", async () => {
    const Tree = z.object({
      get children() {
        return z.optional(z.array(Tree));
      },
    });
    const message = await problem(z.object({ spec: z.object({ tree: Tree, all: z.json() }) }));
    expect(message).toMatch(
      /Widget: spec\.\S+: it contains itself, which a structural schema can't$/,
    );
  });

  test("options for unknown fields", async () => {
    const schema = z.object({ spec: z.object({ a: z.object({}) }) });
    const message = await problem(schema, {
      validations: { "spec.b": { rule: "true" } },
      printerColumns: [{ name: "A", jsonPath: ".spec.a" }],
    });
    expect(message).toContain('validations["spec.b"]: the schema has no such field');
    expect(message).toContain("printerColumns A: the type of .spec.a is not clear; set type");
    const scaled = await crdOf(kindOf(schema, ["scale"])).catch(String);
    expect(scaled).toContain(
      "subresources.scale.specReplicasPath: the schema has no field .spec.replicas",
    );
  });

  test("kinds without a schema, and options that contradict the kind", async () => {
    await expect(crdOf(Pod)).rejects.toThrow(
      "Cannot make a CustomResourceDefinition of Pod: it has no schema",
    );
    const kind = kindOf(z.object({}));
    await expect(crdOf(kind, { scope: "Cluster" })).rejects.toThrow(
      /option scope of crdOf: a Widget is in/,
    );
    await expect(crdOf(kind, { subresources: { scale: {} } })).rejects.toThrow(
      /no such subresource/,
    );
    await expect(crdOf(kind, { columns: [] } as never)).rejects.toThrow(/option columns of crdOf/);
    await expect(crdOf(kindOf(z.string()))).rejects.toThrow(
      "the schema: it is not one of an object",
    );
    const foreign = { "~standard": { version: 1, vendor: "x", validate: () => ({}) } };
    await expect(crdOf(kindOf(foreign))).rejects.toThrow("none of zod's");
  });
});
