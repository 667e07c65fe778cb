/**
 * The verdicts of zod and of kube-apiserver on the same values, for many shapes of schemas: what the schema rejects,
 * the server rejects too.
 *
 * @module
 */

import { expect, onTestFinished, test } from "vitest";
import { z } from "zod/mini";
import { ApiError } from "../../src/index.ts";
import { applyManifests } from "../../src/manifests/index.ts";
import { CustomResourceDefinition, crdOf, defineResource } from "../../src/resources/index.ts";
import { lane } from "../contract/support/entry.ts";
import { type Random, seeded } from "../support/random.ts";
import { connectAdmin } from "./support/admin.ts";

const part = z.object({ type: z.literal("a"), n: z.int().check(z.minimum(2)) });

const shapes = {
  string: z.string(),
  length: z.string().check(z.minLength(1), z.maxLength(3)),
  pattern: z.string().check(z.regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/)),
  starts: z.string().check(z.startsWith("a."), z.endsWith("$")),
  template: z.templateLiteral(["v", z.int()]),
  nested: z.union([z.union([z.literal("a"), z.literal("b")]), z.literal("1h")]),
  enumeration: z.nullable(z.enum(["a", "a.b", ""])),
  numbers: z.literal([1, 2.5]),
  integer: z.int(),
  int32: z.int32(),
  uint32: z.uint32(),
  range: z.number().check(z.gt(-1), z.lte(10)),
  multiple: z.int().check(z.multipleOf(5)),
  float64: z.float64(),
  boolean: z.nullable(z.boolean()),
  intOrString: z.nullable(z.union([z.int(), z.string()])),
  list: z.array(z.union([z.int(), z.string()])).check(z.minLength(1), z.maxLength(2)),
  lists: z.array(z.array(z.nullable(z.int()))),
  record: z.record(z.string(), z.string().check(z.minLength(1))),
  loose: z.looseObject({ a: z.optional(z.string()) }),
  object: z.object({ a: z.string(), n: z.optional(z.nullable(z.int())) }),
  discriminated: z.discriminatedUnion("type", [
    part,
    z.object({ type: z.literal("b"), a: z.string() }),
  ]),
  intersection: z.intersection(z.object({ a: z.string() }), z.object({ n: z.int() })),
  either: z.union([z.object({ a: z.string() }), z.object({ n: z.int() })]),
  unknown: z.unknown(),
  email: z.email(),
  url: z.url(),
  uuid: z.uuid(),
  guid: z.guid(),
  ipv4: z.ipv4(),
  ipv6: z.ipv6(),
  cidrv4: z.cidrv4(),
  cidrv6: z.cidrv6(),
  base64: z.base64(),
  base64url: z.base64url(),
  e164: z.e164(),
  hostname: z.hostname(),
  mac: z.mac(),
  date: z.iso.date(),
  time: z.iso.time(),
  datetime: z.iso.datetime({ offset: true }),
  lowercase: z.string().check(z.lowercase()),
} satisfies Record<string, z.core.$ZodType>;

/** Values that each shape accepts or rejects, or nearly does. */
const atoms: readonly [unknown, ...unknown[]] = [
  null,
  true,
  false,
  0,
  1,
  2,
  2.5,
  5,
  1e39,
  -1e300,
  -1,
  -0.5,
  10,
  10.5,
  2 ** 31,
  2 ** 32,
  -(2 ** 31),
  "",
  "a",
  "b",
  "A",
  "aa",
  "aaaa",
  "a.b",
  "a.$",
  "a-",
  "-a",
  "1",
  "v1",
  "v-1",
  "v1.5",
  "1h",
  "a@b.co",
  "a@b",
  "Some One <a@b.co>",
  "a b@c.de",
  "/path",
  "http://a.b/c",
  "x:y",
  "//a.b",
  "0b5f4b7e-7d3c-4a8e-9f0a-3d5f6c7b8a90",
  "0b5f4b7e-7d3c-0a8e-0f0a-3d5f6c7b8a90",
  "0b5f4b7e",
  "10.0.0.1",
  "10.0.0.256",
  "010.0.0.1",
  "::1",
  "fe80::1%eth0",
  "::ffff:1.2.3.4",
  "1::2::3",

  "10.0.0.0/8",
  "10.0.0.1/33",
  "fd00::/8",
  "::/129",
  "aGk=",
  "aGk",
  "a_k",
  "a+k=",
  "+4930123456",

  "a.example.com",
  "-a.example.com",
  "a..b",
  "00:1A:2b:3C:4d:5E",
  "00:1a:2b:3c:4d:5e",
  "00-1a",
  "2026-01-01",
  "2026-02-30",
  "2024-02-29",
  "2026-1-1",
  "12:00:00",
  "24:00:00",
  "12:00",

  "2026-01-01T00:00:00Z",
  "2026-01-01T00:00:00+01:00",
  "2026-01-01T00:00:00",
  "2026-01-01 00:00Z",

  "ä",
  "\u{1f600}",
  "a\nb",
  " a ",
  "a$",
];

/** How many further values are tried. */
const VALUES = 40;

function aValue(random: Random, depth = 0): unknown {
  const atom = (): unknown => random.pick(atoms);
  const kind = depth > 1 ? 0 : random.below(8);
  if (kind === 0 || kind > 3) return atom();
  if (kind === 1) return Array.from({ length: random.below(4) }, () => aValue(random, depth + 1));
  const names = ["a", "n", "type", "other"].filter(() => random.below(2) === 0);
  return Object.fromEntries(names.map((name) => [name, aValue(random, depth + 1)]));
}

/** The server drops a null that the field does not allow. */
function withoutNulls(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([, one]) => one !== null);
  return Object.fromEntries(entries);
}

test("crdOf() makes a definition by which the server rejects whatever the schema rejects", async () => {
  const kube = await connectAdmin({ fieldManager: "agreement-test" });
  const suffix = lane.replaceAll(/\W/g, "");
  const fields = Object.entries(shapes).map(([name, shape]) => [name, z.optional(shape as never)]);
  const Thing = defineResource({
    group: "example.com",
    version: "v1",
    kind: `Agreement${suffix}`,
    plural: `agreements${suffix}`,
    namespaced: true,
    schema: z.object({ spec: z.object(Object.fromEntries(fields) as never) }),
    check: "off",
  });
  const crd = await crdOf(Thing);
  onTestFinished(async () => {
    await kube
      .resource(CustomResourceDefinition)
      .delete(crd.metadata.name)
      .catch(() => {});
  });
  const first = { apiVersion: "example.com/v1", kind: Thing.kind, metadata: { name: "first" } };
  await applyManifests(kube, [crd, { ...first, spec: {} }]);
  const things = kube.resource(Thing);

  /** The fields of a spec that the server rejects: its error names them all. */
  async function rejectedOf(spec: object): Promise<ReadonlySet<string>> {
    try {
      await things.create({ metadata: { name: "tried" }, spec } as never, { dryRun: true });
      return new Set();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 422) throw error;
      expect(error.causes.length).toBeLessThan(100);
      return new Set(error.causes.map(({ field = "" }) => field.split(/[.[]/)[1] ?? ""));
    }
  }

  const random = seeded(20_261_127);
  const values = [...atoms, ...Array.from({ length: VALUES }, () => aValue(random))];
  const looser: string[] = [];
  const stricter: string[] = [];
  for (const value of values) {
    const rejected = await rejectedOf(
      Object.fromEntries(Object.keys(shapes).map((name) => [name, value])),
    );
    for (const [name, shape] of Object.entries(shapes)) {
      const isValid = [value, withoutNulls(value)].some(
        (one) => one === undefined || z.safeParse(shape, one).success,
      );
      if (rejected.has(name) !== isValid) continue;
      (isValid ? stricter : looser).push(`${name}: ${JSON.stringify(value)}`);
    }
  }
  expect([...new Set(looser)]).toEqual([]);
  // The other parts of a union also judge a field of one part. zod's IPv6 pattern is narrower than its check.
  const isKnown = (what: string): boolean => /^(?:either|discriminated|ipv6): /.test(what);
  expect([...new Set(stricter)].filter((what) => !isKnown(what))).toEqual([]);
});
