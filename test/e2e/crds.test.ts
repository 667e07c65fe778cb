/**
 * CustomResourceDefinitions made from zod schemas: kube-apiserver accepts them, and its verdicts are the schema's.
 *
 * @module
 */

import { expect, onTestFinished, test } from "vitest";
import { z } from "zod/mini";
import { ApiError } from "../../src/index.ts";
import { applyManifests } from "../../src/manifests/index.ts";
import { CustomResourceDefinition, crdOf, defineResource } from "../../src/resources/index.ts";
import { lane } from "../contract/support/entry.ts";
import { connectAdmin } from "./support/admin.ts";

const shape = z.discriminatedUnion("type", [
  z.object({ type: z.literal("circle"), radius: z.number().check(z.gt(0)) }),
  z.object({
    type: z.literal("polygon"),
    corners: z.array(z.object({ x: z.int(), y: z.int() })).check(z.minLength(3)),
  }),
]);

const spec = z.object({
  size: z.int().check(z.minimum(1), z.maximum(10)),
  ratio: z.optional(z.number().check(z.gt(0), z.lt(1))),
  name: z.string().check(z.minLength(2), z.maxLength(5), z.regex(/^[a-z]+$/)),
  port: z.optional(z.union([z.int(), z.string()])),
  colour: z.optional(z.union([z.literal("red"), z.literal("blue")])),
  level: z.prefault(z.enum(["low", "high"]), "low"),
  note: z.optional(z.nullable(z.string())),
  mood: z.optional(z.nullable(z.enum(["good", "bad"]))),
  anything: z.optional(z.unknown()),
  labels: z.optional(z.record(z.string(), z.string().check(z.minLength(1)))),
  open: z.optional(z.looseObject({ known: z.boolean() })),
  at: z.optional(z.iso.datetime()),
  address: z.optional(z.ipv4()),
  id: z.optional(z.uuid()),
  shape: z.optional(shape),
  both: z.optional(z.intersection(z.object({ a: z.int() }), z.object({ b: z.int() }))),
  tag: z.optional(z.string().check(z.startsWith("v"), z.endsWith("z"))),
  even: z.optional(z.int().check(z.multipleOf(2))),
  rule: z.optional(
    z.string().check(
      z.refine((text) => text.includes("x")),
      z.meta({ "x-kubernetes-validations": [{ rule: "self.contains('x')" }] }),
    ),
  ),
  half: z.optional(
    z.number().check(z.gte(0.5), z.meta({ "x-kubernetes-validations": [{ rule: "self >= 0.5" }] })),
  ),
  replicas: z.optional(z.int32()),
});

/** Parts of a spec, to be added to a valid one. */
const verdicts: readonly (readonly [part: object, isValid: boolean])[] = [
  [{}, true],
  [{ size: 0 }, false],
  [{ size: 11 }, false],
  [{ size: 1.5 }, false],
  [{ size: "1" }, false],
  [{ ratio: 0.5 }, true],
  [{ ratio: 0 }, false],
  [{ ratio: 1 }, false],
  [{ name: "a" }, false],
  [{ name: "abcdef" }, false],
  [{ name: "AB" }, false],
  [{ port: 80 }, true],
  [{ port: "http" }, true],
  [{ port: true }, false],
  [{ colour: "blue" }, true],
  [{ colour: "green" }, false],
  [{ level: "high" }, true],
  [{ level: "top" }, false],
  [{ note: null }, true],
  [{ note: 1 }, false],
  [{ mood: null }, true],
  [{ mood: "ugly" }, false],
  [{ anything: { deep: [1, "two"] } }, true],
  [{ labels: { a: "b" } }, true],
  [{ labels: { a: "" } }, false],
  [{ labels: { a: 1 } }, false],
  [{ open: { known: true, more: 1 } }, true],
  [{ open: { more: 1 } }, false],
  [{ at: "2026-01-01T00:00:00Z" }, true],
  [{ at: "yesterday" }, false],
  [{ address: "10.0.0.1" }, true],
  [{ address: "10.0.0" }, false],
  [{ id: "0b5f4b7e-7d3c-4a8e-9f0a-3d5f6c7b8a90" }, true],
  [{ id: "none" }, false],
  [{ shape: { type: "circle", radius: 1 } }, true],
  [{ shape: { type: "circle" } }, false],
  [{ shape: { type: "circle", radius: 0 } }, false],
  [{ shape: { type: "square" } }, false],
  [
    {
      shape: {
        type: "polygon",
        corners: [
          { x: 1, y: 1 },
          { x: 2, y: 1 },
          { x: 1, y: 2 },
        ],
      },
    },
    true,
  ],
  [{ shape: { type: "polygon", corners: [{ x: 1, y: 1 }] } }, false],
  [{ both: { a: 1, b: 2 } }, true],
  [{ both: { a: 1 } }, false],
  [{ tag: "v-z" }, true],
  [{ tag: "v" }, false],
  [{ even: 4 }, true],
  [{ even: 3 }, false],
  [{ rule: "ax" }, true],
  [{ rule: "a" }, false],
  [{ half: 1 }, true],
  [{ half: 0.5 }, true],
  [{ half: 0 }, false],
];

test("crdOf() makes a definition that kube-apiserver accepts, and that gives the schema's verdicts", async () => {
  const kube = await connectAdmin({ fieldManager: "crds-test" });
  const kind = `Shape${lane.replaceAll(/\W/g, "")}`;
  const plural = `${kind.toLowerCase()}s`;
  const Thing = defineResource({
    group: "example.com",
    version: "v1",
    kind,
    plural,
    namespaced: true,
    subresources: ["status", "scale"],
    schema: z.object({
      metadata: z.optional(z.object({ name: z.optional(z.string()) })),
      spec,
      status: z.optional(
        z.object({ replicas: z.optional(z.int32()), phase: z.optional(z.string()) }),
      ),
    }),
    check: "reject",
  });
  const crd = await crdOf(Thing, {
    scope: "Namespaced",
    printerColumns: [
      { name: "Size", jsonPath: ".spec.size" },
      { name: "At", jsonPath: ".spec.at", priority: 1 },
      { name: "Age", jsonPath: ".metadata.creationTimestamp" },
    ],
    validations: {
      spec: { rule: "self.size != 7", message: "seven is taken" },
      "spec.labels[*]": [{ rule: "self != 'forbidden'" }],
      "": { rule: "self.metadata.name != 'wrong'" },
    },
    shortNames: [`s${lane.replaceAll(/\W/g, "")}`],
    categories: ["all"],
  });
  onTestFinished(async () => {
    await kube
      .resource(CustomResourceDefinition)
      .delete(crd.metadata.name)
      .catch(() => {});
  });

  const good = { size: 3, name: "abc" };
  const first = { apiVersion: "example.com/v1", kind, metadata: { name: "first" }, spec: good };
  const results = await applyManifests(kube, [crd, first]);
  expect(results.map(({ action }) => action)).toEqual(["created", "created"]);
  // The server stored it unchanged: nothing in it was unknown or not structural.
  const stored = await kube.resource(CustomResourceDefinition).get(crd.metadata.name);
  expect(stored.status?.conditions?.map(({ type }) => type)).not.toContain("NonStructuralSchema");
  expect(stored.spec.versions[0]).toMatchObject(JSON.parse(JSON.stringify(crd.spec.versions[0])));

  const things = kube.resource(Thing);
  expect((await things.get("first")).spec.level).toBe("low");

  async function isAccepted(name: string, part: object): Promise<boolean> {
    const object = { metadata: { name }, spec: { ...good, ...part } };
    try {
      await things.create(object, { dryRun: true, fieldValidation: "Strict" });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 422) return false;
      throw error;
    }
  }
  for (const [part, isValid] of verdicts) {
    const what = JSON.stringify(part);
    expect(spec.safeParse({ ...good, ...part }).success, `the schema's verdict on ${what}`).toBe(
      isValid,
    );
    expect(await isAccepted("tried", part), `the server's verdict on ${what}`).toBe(isValid);
  }
  expect(await isAccepted("tried", { size: 7 })).toBe(false);
  expect(await isAccepted("tried", { labels: { a: "forbidden" } })).toBe(false);
  expect(await isAccepted("wrong", {})).toBe(false);

  await things.scale.patch("first", { spec: { replicas: 2 } });
  expect((await things.get("first")).spec.replicas).toBe(2);
  const table = await kube.get<{ columnDefinitions: { name: string; type: string }[] }>(
    `/apis/example.com/v1/namespaces/${kube.namespace}/${plural}`,
    { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } },
  );
  expect(table.columnDefinitions.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "Name string",
    "Size integer",
    "At date",
    "Age date",
  ]);
});
