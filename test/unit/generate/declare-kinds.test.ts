/**
 * The code that `reanchor generate` writes: the types that it derives from schemas.
 * `test/runtimes/generated-code.test.ts` type-checks and formats it.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { kindsOfCrds } from "../../../src/generate/custom-kind.ts";
import { type DeclareOptions, declareKinds } from "../../../src/generate/declare-kinds.ts";
import { kindsOfCluster } from "../../../src/generate/cluster-kinds.ts";
import type { KubeClient } from "../../../src/index.ts";
import type { ManifestObject } from "../../../src/manifests/index.ts";
import { aCrd } from "../../support/crds.ts";

function aVersion(spec: object, name = "v1", more: object = {}): object {
  const openAPIV3Schema = { type: "object", properties: { spec } };
  return { name, served: true, schema: { openAPIV3Schema }, ...more };
}

function declare(crds: readonly ManifestObject[], options: Partial<DeclareOptions> = {}): string {
  const defaults = { importFrom: "reanchor/resources", allVersions: false };
  return declareKinds(kindsOfCrds(crds, "crd.yaml"), { ...defaults, ...options });
}

/** The type of a field. */
function typeOf(schema: object): string | undefined {
  const spec = { type: "object", required: ["field"], properties: { field: schema } };
  return /^ {2}field: ([^;]*);$/m.exec(
    declare([aCrd("Widget", { versions: [aVersion(spec)] })]),
  )?.[1];
}

function exportsOf(code: string): string[] {
  return [...code.matchAll(/^export (?:interface|const) (\w+)/gm)].map(([, name = ""]) => name);
}

describe("declareKinds() writes", () => {
  test.each<[schema: object, type: string]>([
    [{ type: "string" }, "string"],
    [{ type: "integer", format: "int64" }, "number"],
    [{ type: "number", nullable: true }, "number | null"],
    [{ type: "string", enum: ["a", 'b"'] }, String.raw`"a" | "b\""`],
    [{ type: "string", enum: ["a", null], nullable: true }, '"a" | null'],
    [{ type: "string", enum: [null] }, "never"],
    [{ type: "string", enum: [null, null], nullable: true }, "null"],
    [{ type: "array", items: { type: "string", enum: [null] } }, "never[]"],
    [{ type: "object", enum: [{ a: 1 }] }, "{ [key: string]: unknown }"],
    [{ "x-kubernetes-int-or-string": true }, "number | string"],
    [{ "x-kubernetes-preserve-unknown-fields": true }, "unknown"],
    [{ type: "object" }, "{ [key: string]: unknown }"],
    [{ type: "object", additionalProperties: { type: "integer" } }, "{ [key: string]: number }"],
    [{ type: "array", items: { type: "string" } }, "string[]"],
    [{ type: "array", items: { "x-kubernetes-int-or-string": true } }, "(number | string)[]"],
    [{ type: "array", items: { type: "object", properties: { a: {} } } }, "WidgetSpecField[]"],
    [
      { type: "object", "x-kubernetes-embedded-resource": true },
      "(KubeObject & { [field: string]: unknown })",
    ],
  ])("%j as a type", (schema, type) => {
    expect(typeOf(schema)).toBe(type);
  });

  test("descriptions as docstrings, which they can't break out of", () => {
    const spec = { type: "object", description: "What it */ should be. {@link x}" };
    const code = declare([aCrd("Widget", { versions: [aVersion(spec)] })]);
    expect(code).toContain(String.raw`  /** What it *\/ should be. { @link x} */`);
  });

  test("the newest version, or all served versions", () => {
    const versions = ["v1alpha1", "v1", "v2beta1", "v2"].map((name) => aVersion({}, name));
    const crd = aCrd("Widget", { versions: [...versions, aVersion({}, "v3", { served: false })] });
    expect(declare([crd])).toContain('version: "v2",');
    expect(exportsOf(declare([crd]))).toEqual(["Widget", "Widget"]);
    const all = exportsOf(declare([crd], { allVersions: true }));
    expect(new Set(all)).toEqual(
      new Set(["Widget", "WidgetV1", "WidgetV2beta1", "WidgetV1alpha1"]),
    );
  });

  test("each name once, whatever kinds and fields are called", () => {
    const nested = { type: "object", properties: { a: { type: "object", properties: { b: {} } } } };
    const versions = [aVersion(nested)];
    const kinds = ["Widget", "WidgetSpec", "ResourceKind"];
    const crds = [
      ...kinds.map((kind) => aCrd(kind, { versions })),
      aCrd("Widget", { group: "other.com", versions }),
    ];
    const names = exportsOf(declare(crds));
    const interfaces = names.filter((name, index) => names.indexOf(name) === index);
    expect(interfaces).toContain("OtherWidget");
    expect(interfaces).not.toContain("ResourceKind");
    // Only a kind's interface and its constant share a name.
    expect(names).toHaveLength(interfaces.length + crds.length);
  });

  test.each(["class", "string", "await", "NonNullable"])(
    "a kind %s under a name that can be declared",
    (kind) => {
      const code = declare([aCrd(kind, { versions: [aVersion({})] })]);
      expect(exportsOf(code)).toEqual([`Example${kind}`, `Example${kind}`]);
      expect(code).toContain(`  kind: "${kind}",`);
    },
  );

  test("a kind of a long name", () => {
    const kind = "K".repeat(120);
    const code = declare([aCrd(kind, { versions: [aVersion({})] })]);
    expect(code).toContain(`export const ${kind}: ResourceKind<\n`);
  });

  test("nothing of a name that would end its comment", () => {
    const hostile = "v1*/ throw 1; /*";
    expect(() => declare([aCrd("Widget", { versions: [aVersion({}, hostile)] })])).toThrow(
      "widgets.example.com has a version without a name",
    );
    const kind = { group: "*/x", version: hostile, kind: "*/ K", plural: "ks", namespaced: true };
    const code = declareKinds([{ ...kind, subresources: [], schema: {}, definitions: {} }], {
      importFrom: "reanchor/resources",
      allVersions: false,
    });
    const outside = code.replaceAll(/"(?:[^"\\]|\\.)*"/g, "").replaceAll(/\/\*[^]*?\*\//g, "");
    expect(outside).not.toMatch(/throw|\*\//);
  });

  test("verbs according to the subresources", () => {
    const subresources = { scale: {}, status: {} };
    const code = declare([aCrd("Widget", { versions: [aVersion({}, "v1", { subresources })] })]);
    expect(code).toContain('CustomResource<Widget, readonly ["status", "scale"]>');
    expect(code).toContain('subresources: ["status", "scale"],');
  });
});

test.each<[what: string, object: object, reason: string]>([
  [
    "v1beta1",
    { apiVersion: "apiextensions.k8s.io/v1beta1" },
    "only apiextensions.k8s.io/v1 is read",
  ],
  ["one without a spec", { spec: undefined }, "has no spec.group"],
  ["one without names", { spec: { group: "a.b" } }, "has no spec.names.kind"],
])("kindsOfCrds() rejects %s", (_what, part, reason) => {
  const crd: ManifestObject = { ...aCrd("Widget", { versions: [] }), ...part };
  expect(() => kindsOfCrds([crd], "crd.yaml")).toThrow(
    `Cannot generate from crd.yaml: CustomResourceDefinition widgets.example.com `,
  );
  expect(() => kindsOfCrds([crd], "crd.yaml")).toThrow(reason);
});

describe("kindsOfCluster()", () => {
  const bar = { group: "foo.com", version: "v1", kind: "Bar" };
  const others = { namespaced: false, subresources: ["status", "other"], verbs: ["list"] };
  const kinds = [
    { ...bar, plural: "bars", ...others },
    { ...bar, version: "v2", plural: "bars", ...others },
    { group: "apps", version: "v1", kind: "Deployment", plural: "deployments", ...others },
    {
      group: "foo.com",
      version: "v1",
      kind: "Review",
      plural: "reviews",
      ...others,
      verbs: ["create"],
    },
  ];
  const paths: string[] = [];
  const kube = {
    discover: async () => ({ kinds, missing: [] }),
    async get(path: string) {
      paths.push(path);
      const [, , , , group, version = "v1"] = path.split("/");
      const names = [{ group, version, kind: "Bar" }];
      const meta = { $ref: "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" };
      const ref = { allOf: [{ $ref: "#/components/schemas/com.foo.v1.Part" }] };
      const spec = { type: "object", properties: { part: ref, again: ref, meta } };
      const schemas = {
        "com.foo.v1.Bar": { properties: { spec }, "x-kubernetes-group-version-kind": names },
        "com.foo.v1.Part": {
          type: "object",
          properties: { part: ref, q: { $ref: "#/x/Quantity" } },
        },
        Quantity: { oneOf: [{ type: "string" }, { type: "number" }, { $ref: "#/x/Loop" }] },
        Loop: { type: "array", items: { $ref: "#/x/Loop" } },
      };
      return { components: { schemas } };
    },
  } as unknown as KubeClient;

  test("reads the kinds that are not built in, or those of the named groups", async () => {
    const found = await kindsOfCluster(kube, []);
    expect(found.map(({ kind, version }) => `${kind} ${version}`)).toEqual(["Bar v2", "Bar v1"]);
    expect(paths).toEqual(["/openapi/v3/apis/foo.com/v1", "/openapi/v3/apis/foo.com/v2"]);
    expect((await kindsOfCluster(kube, ["apps"])).map(({ kind }) => kind)).toEqual(["Deployment"]);
    await expect(kindsOfCluster(kube, ["none.com"])).rejects.toThrow("it has no group none.com");
    expect(found[0]?.subresources).toEqual(["status"]);
  });

  test("follows references, once for each type", async () => {
    const code = declareKinds(await kindsOfCluster(kube, []), {
      importFrom: "reanchor/resources",
      allVersions: false,
    });
    expect(exportsOf(code)).toEqual(["BarSpec", "BarPart", "Bar", "Bar"]);
    expect(code).toContain("  again?: BarPart | undefined;");
    expect(code).toContain('  meta?: NonNullable<KubeObject["metadata"]> | undefined;');
    expect(code).toContain("  q?: string | number | unknown[] | undefined;");
  });
});
