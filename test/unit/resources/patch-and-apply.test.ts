/**
 * Patches and server-side apply: what compiles, and what is rejected before it is sent.
 *
 * @module
 */

import { describe, expect, expectTypeOf, test } from "vitest";
import type { Applied, KubeObject, Stored } from "../../../src/api/object.ts";
import type { JsonPatch, MergePatch, StrategicPatch } from "../../../src/api/patch.ts";
import { Deployment } from "../../../src/resources/index.ts";
import { type Things, bindThings } from "../support/bound-things.ts";
import { type ScriptedClient, aThing, createScriptedClient } from "../support/scripted-client.ts";

interface Bound {
  readonly client: ScriptedClient;
  readonly things: Things;
}

function bind(fieldManager?: string): Bound {
  const client = createScriptedClient(fieldManager);
  return { client, things: bindThings(client) };
}

const { managedFields, ...metadata } = {
  ...aThing("a", 1).metadata,
  managedFields: [{ manager: "kubectl" }],
};
const desired = { metadata: { name: "a" } };

describe("apply()", () => {
  test("rejects what get() returned", async () => {
    expectTypeOf<Stored<Deployment>>().not.toExtend<Applied<Deployment>>();
    expectTypeOf<Stored<KubeObject>>().not.toExtend<Applied<KubeObject>>();
    const { things, client } = bind("me");
    const got = { ...aThing("a", 1), metadata: { ...metadata, managedFields } };
    for (const apply of [things.apply, things.status.apply, things.scale.apply]) {
      await expect(apply(got as never)).rejects.toThrow(
        /^Cannot apply an object with metadata\.managedFields: it was read from the server/,
      );
    }
    expect(client.requests).toEqual([]);
  });

  test("accepts it once managedFields is removed", async () => {
    const { things, client } = bind("me");
    client.answer(aThing("a", 2), aThing("a", 2));
    await things.apply({ ...desired, metadata });
    await things.apply({ ...desired, metadata: { ...metadata, managedFields: null } } as never);
    expect(client.requests).toHaveLength(2);
  });

  test("uses the field manager of connect() unless its own options name another", async () => {
    const { things, client } = bind("my-controller");
    client.answer(aThing("a", 2), aThing("a", 2), aThing("a", 2));
    await things.apply(desired);
    await things.apply(desired, { force: true });
    await things.apply(desired, { fieldManager: "other" });
    expect(client.requests.map(({ query }) => query)).toEqual([
      { fieldManager: "my-controller" },
      { fieldManager: "my-controller", force: "true" },
      { fieldManager: "other" },
    ]);
  });

  test("rejects when neither names a field manager", async () => {
    const { things, client } = bind();
    await expect(things.apply(desired)).rejects.toThrow(TypeError);
    await expect(things.apply(desired, { force: true })).rejects.toThrow(
      /^Cannot apply without a field manager: pass the program's name as option fieldManager of connect or of apply$/,
    );
    expect(client.requests).toEqual([]);
  });

  test.each(["", " ", "a\nb", "a\u200Bb", "ä".repeat(65), 7])(
    "rejects %j as a field manager",
    async (fieldManager) => {
      const { things } = bind("me");
      const options = { fieldManager } as never;
      const message = /^Cannot use option fieldManager: it must be a name of 1 to 128 printable/;
      await expect(things.apply(desired, options)).rejects.toThrow(message);
      await expect(things.create(desired, options)).rejects.toThrow(message);
    },
  );
});

test("every write of a resource uses the field manager of connect()", async () => {
  const { things, client } = bind("me");
  client.answer(...Array.from({ length: 4 }, () => aThing("a", 2)));
  await things.create(desired);
  await things.replace(desired);
  await things.patch("a", {});
  await things.status.patch("a", {});
  expect(client.requests.map(({ query }) => query["fieldManager"])).toEqual(Array(4).fill("me"));
});

describe("patch()", () => {
  test("of a merge patch accepts partial objects, null and complete lists", () => {
    expectTypeOf<{ spec: { replicas: 2 } }>().toExtend<MergePatch<Deployment>>();
    expectTypeOf<{ metadata: { labels: { a: null } } }>().toExtend<MergePatch<Deployment>>();
    expectTypeOf<{ spec: { paused: null } }>().toExtend<MergePatch<Deployment>>();
    expectTypeOf<{ spec: { replicas: "2" } }>().not.toExtend<MergePatch<Deployment>>();
    expectTypeOf<{ metadata: { finalizers: string[] } }>().toExtend<MergePatch<Deployment>>();
    // A merge patch replaces the whole list, so an item without a name would really have none.
    type Part = { spec: { template: { spec: { containers: { image: string }[] } } } };
    expectTypeOf<Part>().not.toExtend<MergePatch<Deployment>>();
    expectTypeOf<Part>().toExtend<StrategicPatch<Deployment>>();
  });

  test("of a strategic patch accepts directives", () => {
    type Part = {
      spec: { template: { spec: { containers: { name: string; $patch: "delete" }[] } } };
    };
    expectTypeOf<Part>().toExtend<StrategicPatch<Deployment>>();
    expectTypeOf<{ spec: { $retainKeys: string[] } }>().toExtend<StrategicPatch<Deployment>>();
  });

  test("of a JSON patch accepts operations", () => {
    expectTypeOf<{ op: "remove"; path: string }[]>().toExtend<JsonPatch>();
    expectTypeOf<{ op: "remove" }[]>().not.toExtend<JsonPatch>();
    expectTypeOf<{ op: "move"; path: string }[]>().not.toExtend<JsonPatch>();
    expectTypeOf<{ op: "delete"; path: string }[]>().not.toExtend<JsonPatch>();
  });

  test("of a kind without a schema accepts any field", () => {
    expectTypeOf<{ spec: { size: 1 } }>().toExtend<MergePatch<KubeObject>>();
    expectTypeOf<{ metadata: { labels: 1 } }>().not.toExtend<MergePatch<KubeObject>>();
  });

  test("infers the form of the patch from its type", async () => {
    const client = createScriptedClient();
    client.answer(...Array.from({ length: 5 }, () => aThing("a", 2)));
    const deployments = Deployment.bind(client, {});
    await deployments.patch("a", { spec: { replicas: 2, paused: null } }, { dryRun: true });
    await deployments.patch("a", [{ op: "replace", path: "/spec/replicas", value: 2 }]);
    await deployments.patch("a", [{ op: "remove", path: "/spec/paused" }], { type: "json" });
    const containers = [{ name: "web", image: "web:2" }];
    const spec = { template: { spec: { containers } } };
    await deployments.patch("a", { spec }, { type: "strategic" });
    await deployments.scale.patch("a", { spec: { replicas: 2 } });
    // @ts-expect-error There is no such field.
    const misspelt = (): unknown => deployments.patch("a", { spec: { replica: 2 } });
    // @ts-expect-error A JSON patch is an array.
    const mistyped = (): unknown => deployments.patch("a", { spec: {} }, { type: "json" });
    expect([typeof misspelt, typeof mistyped]).toEqual(["function", "function"]);
    expect(client.requests.map(({ contentType }) => contentType)).toEqual([
      "application/merge-patch+json",
      "application/json-patch+json",
      "application/json-patch+json",
      "application/strategic-merge-patch+json",
      "application/merge-patch+json",
    ]);
  });

  test.each<[patch: unknown, type: string | undefined, message: string]>([
    [{}, "json", "Cannot patch: a patch of type json is an array of operations"],
    [[], "merge", "Cannot patch: a patch of type merge is an object"],
    [[], "strategic", "Cannot patch: a patch of type strategic is an object"],
    ["{}", undefined, "Cannot patch: the patch is a string; pass an object"],
    [undefined, undefined, "Cannot patch: the patch is undefined; pass an object"],
    [null, "merge", "Cannot patch: the patch is null; pass an object"],
  ])("rejects %j as a patch of type %s", async (patch, type, message) => {
    const { things, client } = bind();
    const call = things.patch("a", patch as never, { type } as never);
    await expect(call).rejects.toThrow(message);
    expect(client.requests).toEqual([]);
  });
});
