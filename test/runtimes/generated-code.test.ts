/**
 * The code that `reanchor generate` writes type-checks in a strict project, and is formatted.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { beforeAll, expect, test } from "vitest";
import { kindsOfCrds } from "../../src/generate/custom-kind.ts";
import { declareKinds } from "../../src/generate/declare-kinds.ts";
import { readManifests } from "../../src/manifests/index.ts";
import { bin, root, run } from "../../tools/run.ts";
import { useFolder } from "../support/temporary-folder.ts";

const crds = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { kind: Widget, plural: widgets }
  versions:
    - name: v1
      served: true
      storage: true
      subresources: { status: {}, scale: {} }
      schema:
        openAPIV3Schema:
          type: object
          description: A widget of the shop, with a description that is long enough to be wrapped, since it goes on and on.
          required: [spec]
          properties:
            spec:
              type: object
              description: What it should be.
              required: [size]
              properties:
                size: { type: integer }
                port: { x-kubernetes-int-or-string: true }
                colour: { type: string, enum: [red, green], nullable: true }
                odd-name: { type: boolean }
                labels: { type: object, additionalProperties: { type: string } }
                parts: { type: array, items: { type: object, required: [name], properties: { name: { type: string } } } }
                template: { type: object, x-kubernetes-embedded-resource: true }
                free: { x-kubernetes-preserve-unknown-fields: true }
                open: { type: object, x-kubernetes-preserve-unknown-fields: true, properties: { known: { type: string } } }
                mode: { type: string, enum: [a-mode-with-a-long-name, another-mode-with-a-long-name, a-third-mode-with-a-long-name] }
            status: { type: object, properties: { ready: { type: boolean } } }
    - { name: v1beta1, served: true, storage: false, schema: { openAPIV3Schema: { type: object } } }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: clusterwideinventories.example.com }
spec:
  group: example.com
  scope: Cluster
  names: { kind: ClusterwideWidgetInventory, plural: clusterwideinventories }
  versions: [{ name: v1, served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: { type: object } } }]
`;

const program = `
import type { KubeClient } from "reanchor";
import { ClusterwideWidgetInventory, Widget, WidgetV1beta1, type WidgetSpec } from "./generated.ts";

export async function main(kube: KubeClient): Promise<WidgetSpec> {
  const widgets = kube.resource(Widget);
  await widgets.create({ metadata: { name: "a" }, spec: { size: 3, port: "http", colour: null } });
  await widgets.scale.patch("a", { spec: { replicas: 2 } });
  await widgets.status.patch("a", { status: { ready: true } });
  const { metadata, spec } = await widgets.get("a");
  const parts: string[] | undefined = spec.parts?.map(({ name }) => name);
  console.log(metadata.name, parts, spec.open?.known, spec.open?.["other"]);
  // @ts-expect-error A size is a number.
  await widgets.create({ metadata: { name: "a" }, spec: { size: "3" } });
  // @ts-expect-error There is no such mode.
  await widgets.apply({ metadata: { name: "a" }, spec: { mode: "none" } });
  await kube.resource(ClusterwideWidgetInventory).status.get("b");
  // @ts-expect-error It has no status.
  await kube.resource(WidgetV1beta1).status.get("b");
  return spec;
}
`;

/** Names and descriptions that try to break out of the generated code, and kinds that can't be declared. */
const hostile = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: classes.evil.com }
spec:
  group: evil.com
  scope: Namespaced
  names: { kind: class, plural: classes }
  versions:
    - name: v1
      served: true
      storage: true
      subresources: { status: {} }
      schema:
        openAPIV3Schema:
          type: object
          description: "*/ throw new Error('injected'); /* \`\${1}\` {@link x} @ts-ignore"
          x-kubernetes-preserve-unknown-fields: true
          properties:
            apiVersion: { type: string }
            kind: { type: string }
            metadata: { type: object }
            spec:
              type: object
              description: "**"
              required: [class, a-b, constructor]
              x-kubernetes-preserve-unknown-fields: true
              properties:
                class: { type: string, description: "/" }
                default: { type: string, enum: [b, "c\\\\d", "\${x}", "*/", "\\n", ""] }
                a-b: { type: integer, enum: [1, -1] }
                "1": { type: string }
                "": { type: boolean, enum: [true] }
                "new\\nline": { type: string, description: "a\\r\\nb\\u2028c" }
                constructor: { type: object, properties: { prototype: { type: string } } }
                toString: { type: string }
                "*/": { type: string, description: "*/*/" }
                "\`\${x}\`": { type: object, properties: { x: { type: string } } }
                onlynull: { type: string, enum: [null] }
                nullonly: { type: string, nullable: true, enum: [null] }
                objects: { type: object, enum: [{ a: 1 }], properties: { a: { type: integer } } }
                lists: { type: array, nullable: true, items: { type: array, items: { type: string, nullable: true, enum: [x] } } }
                maps: { type: object, additionalProperties: { type: object, additionalProperties: { type: array, items: { type: object, properties: { deep: { type: string } } } } } }
                match: { type: object, oneOf: [{ required: [exact] }, { not: { anyOf: [{ required: [prefix] }] } }], properties: { exact: { type: string }, prefix: { type: string } } }
                port: { anyOf: [{ type: integer }, { type: string }], x-kubernetes-int-or-string: true }
                none: {}
            status: { type: object, nullable: true, properties: { at: { type: string, format: date-time } } }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: strings.evil.com }
spec: { group: evil.com, scope: Cluster, names: { kind: string, plural: strings }, versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { text: { type: string } } } } } } }] }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: my-kinds.evil.com }
spec: { group: evil.com, scope: Cluster, names: { kind: My-Kind, plural: my-kinds }, versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }] }
`;

/** The part of the imported module that it needs. */
const declarations = `
export interface KubeObject { apiVersion?: string; kind?: string; metadata?: { name?: string } }
export interface ObjectSchema<T> { readonly of: T }
export interface ResourceKind<T, Verbs> { readonly kind: string; readonly of: (one: T) => Verbs }
export interface CustomResource<T, Subresources> { readonly of: T; readonly below: Subresources }
export declare function defineResource<Schema, Subresources>(options: {
  group: string; version: string; kind: string; plural: string; namespaced: boolean; subresources: Subresources;
}): ResourceKind<
  Schema extends ObjectSchema<infer T> ? T : never,
  CustomResource<Schema extends ObjectSchema<infer T> ? T : never, Subresources>
>;
`;

// Inside the project, so that its compiler options and formatting apply.
const inProject = useFolder({ inProject: true });
let folder: string;
const code = generate(crds);

function generate(yaml: string): string {
  return declareKinds(kindsOfCrds(readManifests(yaml), "crds.yaml"), {
    importFrom: "reanchor/resources",
    allVersions: true,
  });
}

beforeAll(async () => {
  folder = inProject();
  await writeFile(join(folder, "generated.ts"), code);
});

test("generated code type-checks, and its types are those of the schema", async () => {
  await writeFile(join(folder, "program.ts"), program);
  await writeFile(join(folder, "hostile.ts"), generate(hostile));
  const config = join(folder, "tsconfig.json");
  const paths = {
    reanchor: [join(root, "runtimes/node.ts")],
    "reanchor/resources": [join(root, "src/resources/index.ts")],
  };
  const options = { extends: join(root, "tsconfig.json"), compilerOptions: { paths } };
  await writeFile(config, JSON.stringify({ ...options, include: ["*.ts"], exclude: [] }));
  const { exitCode, output } = await run(bin("tsc"), ["-p", config]);
  expect(output).toBe("");
  expect(exitCode).toBe(0);
});

test.each(["5.7", "6"])("generated code type-checks with TypeScript %s", async (release) => {
  const tsc = join(root, "test/package/typescript", release, "node_modules/typescript/bin/tsc");
  await writeFile(join(folder, "hostile.ts"), generate(hostile));
  const config = join(folder, `tsconfig.${release}.json`);
  // The package that it imports needs a later TypeScript: its declarations are tested elsewhere.
  await writeFile(join(folder, "resources.d.ts"), declarations);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    isolatedDeclarations: true,
    declaration: true,
    noEmit: true,
    module: "nodenext",
    target: "es2022",
    types: [],
    paths: { "reanchor/resources": ["./resources.d.ts"] },
  };
  await writeFile(
    config,
    JSON.stringify({ compilerOptions, files: ["generated.ts", "hostile.ts"] }),
  );
  const { exitCode, output } = await run(process.execPath, [tsc, "-p", config]);
  expect(output).toBe("");
  expect(exitCode).toBe(0);
});

test("generated code is formatted", async () => {
  const copy = join(folder, "formatted.ts");
  await writeFile(copy, code);
  const { exitCode, output } = await run(bin("oxfmt"), [
    "-c",
    join(root, ".oxfmtrc.json"),
    "--check",
    copy,
  ]);
  expect(output).not.toContain("formatted.ts");
  expect(exitCode).toBe(0);
});
