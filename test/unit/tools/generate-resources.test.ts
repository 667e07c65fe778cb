/**
 * The output of `tools/generate-resources.ts` for each form of an OpenAPI document.
 *
 * @module
 */

import { access } from "node:fs/promises";
import { expect, test } from "vitest";
import { declare } from "../../../tools/resources/declarations.ts";
import { writeDocstring } from "../../../src/generate/docstring.ts";
import { compareVersions } from "../../../src/generate/versions.ts";
import { type OpenApiDocument, type Schema, readApi } from "../../../tools/resources/openapi.ts";

const microTime = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
const intOrString = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const widget = { group: "example.com", version: "v1", kind: "Widget" };

function ref(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

function documentOf(
  properties: Record<string, Schema>,
  { version = "v1", description = "A widget." } = {},
): OpenApiDocument {
  const about = { ...widget, version };
  const operation = { "x-kubernetes-group-version-kind": about };
  const collection = `/apis/example.com/${version}/namespaces/{namespace}/widgets`;
  return {
    paths: {
      [`/apis/example.com/${version}/widgets`]: { get: operation },
      [collection]: { get: operation, post: operation },
      [`${collection}/{name}`]: { get: operation },
      [`${collection}/{name}/status`]: { get: operation },
      [`${collection}/{name}/proxy`]: {
        get: { "x-kubernetes-group-version-kind": { ...about, kind: "WidgetProxyOptions" } },
      },
    },
    components: {
      schemas: {
        [intOrString]: {
          format: "int-or-string",
          oneOf: [{ type: "integer" }, { type: "string" }],
        },
        [microTime]: { type: "string", format: "date-time" },
        [`com.example.${version}.Widget`]: {
          description,
          type: "object",
          required: ["kind", "size"],
          properties: { kind: { type: "string", description: "The kind." }, ...properties },
          "x-kubernetes-group-version-kind": [about],
        },
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {
          properties: { name: { type: "string", description: "Its name." } },
        },
        "com.example.v1.WidgetList": { properties: {} },
      },
    },
  };
}

function typesOf(properties: Record<string, Schema>): string {
  const text = declare(readApi([documentOf(properties)])).get("example-v1.ts") ?? "";
  return text.slice(text.indexOf("The kind. */"));
}

test.each<[what: string, property: Schema, declaration: string]>([
  ["an integer", { type: "integer", format: "int64" }, "a?: number | undefined;"],
  ["a date", { type: "string", format: "date-time" }, "a?: string | undefined;"],
  ["bytes", { type: "string", format: "byte" }, "a?: string | undefined;"],
  ["an int-or-string", ref(intOrString), "a?: number | string | undefined;"],
  ["an enum", { type: "string", enum: ["A", "B"] }, 'a?: "A" | "B" | undefined;'],
  ["a reference", { allOf: [ref("com.example.v1.Widget")] }, "a?: Widget | undefined;"],
  ["anything", {}, "a?: unknown;"],
  ["an open object", { type: "object" }, "a?: { [key: string]: unknown } | undefined;"],
  [
    "a map of lists",
    { type: "object", additionalProperties: { type: "array", items: ref(intOrString) } },
    "a?: { [key: string]: (number | string)[] } | undefined;",
  ],
  [
    "another module's type",
    ref("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"),
    "a?: MetaV1.ObjectMeta | undefined;",
  ],
])("declare() types %s", (_what, property, declaration) => {
  expect(typesOf({ a: property })).toContain(`  /** A. */\n  ${declaration}\n`);
});

test("declare() documents the format of a MicroTime", () => {
  const property = ref(microTime);
  expect(typesOf({ a: property })).toContain(
    "  /** A. Write it with `microTime()`: it needs six digits. */\n  a?: string | undefined;\n",
  );
});

test("declare() imports only what it needs", async () => {
  const text = declare(readApi([documentOf({})])).get("kinds.ts") ?? "";
  const paths = [...text.matchAll(/from "(\.\.\/[^"]+)"/g)].map(([, path]) => path);
  expect(paths).not.toEqual([]);
  const generated = new URL("../../../src/resources/generated/", import.meta.url);
  for (const path of paths) await access(new URL(path ?? "", generated));
});

test("declare() makes required what a server requires, but not the kind", () => {
  const types = typesOf({ size: { type: "integer" } });
  expect(types).toContain("  kind?: string | undefined;");
  expect(types).toContain("  size: number;");
});

test("declare() quotes a name that is not an identifier", () => {
  const types = typesOf({ $ref: { type: "string" }, "x-kubernetes-a": { type: "boolean" } });
  expect(types).toContain("  /** Ref. */\n  $ref?: string");
  expect(types).toContain('  /** X kubernetes a. */\n  "x-kubernetes-a"?: boolean');
});

test("declare() omits types that no kind uses", () => {
  expect(typesOf({})).not.toContain("WidgetList");
  expect(declare(readApi([documentOf({})])).has("meta-v1.ts")).toBe(false);
});

test("declare() throws when a schema is missing", () => {
  expect(() => typesOf({ a: ref("com.example.v1.Gone") })).toThrow(
    "Cannot find schema com.example.v1.Gone: no document has it",
  );
});

test("declare() declares a kind in its preferred version", () => {
  const documents = ["v1beta1", "v1", "v2alpha1"].map((version) => documentOf({}, { version }));
  const files = declare(readApi(documents));
  expect([...files.keys()].sort()).toEqual([
    "example-v1.ts",
    "example-v1beta1.ts",
    "kinds.ts",
    "types.ts",
  ]);
  const kind = {
    ...widget,
    plural: "widgets",
    namespaced: true,
    subresources: ["proxy", "status"],
  };
  expect(files.get("kinds.ts")).toContain(
    `export const Widget: ResourceKind<Widget, Resource<Widget> & WithStatus<Widget>> = /* @__PURE__ */ builtIn(${JSON.stringify(kind)}, withStatus);\n` +
      `/** A widget. */\nexport type Widget = ExampleV1.Widget;\n`,
  );
});

test("compareVersions() puts the newest GA version first", () => {
  const versions = ["v1alpha3", "v1beta1", "v1", "v1beta2", "v2", "v10"];
  expect(versions.toSorted(compareVersions)).toEqual([
    "v10",
    "v2",
    "v1",
    "v1beta2",
    "v1beta1",
    "v1alpha3",
  ]);
});

test.each<[what: string, description: string | undefined, text: string]>([
  ["a missing description", undefined, "Node name."],
  ["the end of a comment", "Matches */foo.", String.raw`Matches *\/foo.`],
  ["what looks like a tag", "@every hour, {@link x}.", "`@every` hour, { @link x}."],
  ["paragraphs", "One\ntwo.\n\nThree.", "One two."],
  ["an example", "One. For example:\n\n\t{}", "One."],
  ["a list", "One of:\n\n- A\n  b\n\n- C\n\nD", "One of:\n * - A b\n * - C"],
])("writeDocstring() handles %s", (_what, description, text) => {
  const expected = text.includes("\n") ? `/**\n * ${text}\n */\n` : `/** ${text} */\n`;
  expect(writeDocstring(description, "nodeName")).toBe(expected);
});

test("writeDocstring() keeps whole sentences of a long text, in lines of 110 columns", () => {
  const sentence = `A${" word".repeat(30)}.`;
  const lines = writeDocstring(`${sentence} ${sentence} ${sentence} ${sentence}`, "a", {
    indent: "  ",
  }).split("\n");
  expect(lines.join(" ").match(/word\./g)).toHaveLength(3);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(110);
});
