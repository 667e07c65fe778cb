import { describe, expect, test } from "vitest";
import { ApiError } from "../../../src/api/api-error.ts";
import { ApplyConflictError } from "../../../src/api/apply-conflict.ts";
import {
  type DefineResourceOptions,
  defineResource,
} from "../../../src/resources/define-resource.ts";
import type { ResourceDefinition } from "../../../src/api/resource-definition.ts";
import { type Things, bindThings } from "../support/bound-things.ts";
import type { ResourceOptions } from "../../../src/resources/kind.ts";
import {
  type ScriptedAnswer,
  type ScriptedClient,
  aThing,
  createScriptedClient,
  listOf,
  refusalStatus,
  refused,
  thing,
} from "../support/scripted-client.ts";

interface Bound {
  readonly client: ScriptedClient;
  readonly things: Things;
}

function bind(
  answers: readonly ScriptedAnswer[] = [],
  options: ResourceOptions = {},
  definition: ResourceDefinition = thing,
): Bound {
  const client = createScriptedClient();
  client.answer(...answers);
  return { client, things: bindThings(client, { definition, ...options }) };
}

const root = "/apis/example.com/v1";
const one = aThing("a", 1);

describe("each verb uses the right request", () => {
  const cases: readonly [
    call: string,
    act: (things: Things) => Promise<unknown>,
    request: object,
  ][] = [
    ["get", (it) => it.get("a"), { method: "GET", path: `${root}/namespaces/default/things/a` }],
    [
      "get of what is at hand",
      (it) => it.get("a", { resourceVersion: "0" }),
      { query: { resourceVersion: "0" } },
    ],
    [
      "create",
      (it) => it.create({ metadata: { name: "a" } }, { dryRun: true, fieldValidation: "Strict" }),
      {
        method: "POST",
        path: `${root}/namespaces/default/things`,
        query: { dryRun: "All", fieldValidation: "Strict" },
        body: { apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "a" } },
      },
    ],
    [
      "replace",
      (it) => it.replace(one, { fieldManager: "me" }),
      {
        method: "PUT",
        path: `${root}/namespaces/default/things/a`,
        query: { fieldManager: "me" },
        body: one,
      },
    ],
    [
      "patch by an object",
      (it) => it.patch("a", { spec: {} }),
      { method: "PATCH", contentType: "application/merge-patch+json", body: { spec: {} } },
    ],
    [
      "patch by a list",
      (it) => it.patch("a", [{ op: "remove", path: "/spec" }]),
      { method: "PATCH", contentType: "application/json-patch+json" },
    ],
    [
      "patch as it is told",
      (it) => it.patch("a", {}, { type: "strategic" }),
      { contentType: "application/strategic-merge-patch+json" },
    ],
    [
      "apply",
      (it) => it.apply({ metadata: { name: "a" } }, { fieldManager: "me", force: true }),
      {
        method: "PATCH",
        path: `${root}/namespaces/default/things/a`,
        query: { fieldManager: "me", force: "true" },
        contentType: "application/apply-patch+yaml",
        body: { apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "a" } },
      },
    ],
    [
      "delete",
      (it) => it.delete("a"),
      { method: "DELETE", path: `${root}/namespaces/default/things/a`, body: undefined },
    ],
    [
      "delete with conditions",
      (it) =>
        it.delete("a", {
          propagationPolicy: "Foreground",
          gracePeriodSeconds: 0,
          preconditions: { uid: "u" },
          dryRun: true,
        }),
      {
        body: {
          apiVersion: "v1",
          kind: "DeleteOptions",
          propagationPolicy: "Foreground",
          gracePeriodSeconds: 0,
          preconditions: { uid: "u" },
          dryRun: ["All"],
        },
      },
    ],
    [
      "deleteCollection",
      (it) => it.deleteCollection({ labelSelector: { app: "web" } }),
      {
        method: "DELETE",
        path: `${root}/namespaces/default/things`,
        query: { labelSelector: "app=web" },
      },
    ],
    [
      "status.replace",
      (it) => it.status.replace(one),
      { method: "PUT", path: `${root}/namespaces/default/things/a/status`, body: one },
    ],
    [
      "scale.get",
      (it) => it.scale.get("a"),
      { method: "GET", path: `${root}/namespaces/default/things/a/scale` },
    ],
    [
      "scale.replace",
      (it) => it.scale.replace({ metadata: { name: "a" }, spec: { replicas: 2 } }),
      { body: { apiVersion: "autoscaling/v1", kind: "Scale", spec: { replicas: 2 } } },
    ],
    [
      "evict",
      (it) => it.evict("a", { gracePeriodSeconds: 5 }),
      {
        method: "POST",
        path: `${root}/namespaces/default/things/a/eviction`,
        body: {
          apiVersion: "policy/v1",
          kind: "Eviction",
          metadata: { name: "a", namespace: "default" },
          deleteOptions: { kind: "DeleteOptions", gracePeriodSeconds: 5 },
        },
      },
    ],
  ];

  test.each(cases)("%s", async (_call, act, request) => {
    const { things, client } = bind([one]);
    await act(things);
    expect(client.requests).toMatchObject([request]);
  });
});

describe("the namespace", () => {
  const namespace = (path: string): string | undefined => /namespaces\/([^/]+)/.exec(path)?.[1];

  test.each<[what: string, options: ResourceOptions, own: string | undefined, is: string]>([
    ["is the client's", {}, undefined, "default"],
    ["is the one that is bound", { namespace: "b" }, undefined, "b"],
    ["is the object's where none is bound", {}, "own", "own"],
    ["is the object's where all are bound", { namespace: "*" }, "own", "own"],
    ["may be both", { namespace: "own" }, "own", "own"],
  ])("%s", async (_what, options, own, is) => {
    const { things, client } = bind([one], options);
    await things.create({ metadata: { name: "a", namespace: own } });
    expect(namespace(client.requests[0]?.path ?? "")).toBe(is);
  });

  test("of an object can't differ from the bound one", async () => {
    const { things, client } = bind([], { namespace: "b" });
    const object = { metadata: { name: "a", namespace: "c" } };
    for (const act of [things.create, things.replace, things.status.replace]) {
      await expect(act(object)).rejects.toThrow("bound to namespace b");
    }
    expect(client.requests).toEqual([]);
  });

  test("is required if all are selected and one object is meant", async () => {
    const { things, client } = bind([listOf(1, [])], { namespace: "*" });
    await expect(things.get("a")).rejects.toThrow("bind it to one");
    await expect(things.create({ metadata: { name: "a" } })).rejects.toThrow("bind it to one");
    await expect(things.waitFor("a", "Ready")).rejects.toThrow("bind it to one");
    await things.list();
    expect(client.requests).toMatchObject([{ path: `${root}/things` }]);
  });

  test("is none if the kind is not namespaced", async () => {
    const cluster = { ...thing, group: "", namespaced: false };
    const { things, client } = bind([one], {}, cluster);
    await things.get("a");
    expect(client.requests).toMatchObject([{ path: "/api/v1/things/a" }]);
    expect(() => bind([], { namespace: "b" }, cluster)).toThrow("a Thing is in none");
  });

  test.each(["", ".", ".."])("is not %j, nor is a name", async (text) => {
    await expect(bind([], { namespace: text }).things.get("a")).rejects.toThrow(TypeError);
    await expect(bind().things.get(text)).rejects.toThrow(TypeError);
    await expect(bind().things.delete(text)).rejects.toThrow(TypeError);
  });

  test("and a name never escape from their place in the path", async () => {
    const { things, client } = bind([one], { namespace: "a?b" });
    await things.get("x?y#z");
    expect(client.requests[0]?.path).toBe(`${root}/namespaces/a%3Fb/things/x%3Fy%23z`);
  });

  // The API server decodes a path before it routes the request.
  const elsewhere = [
    "victim/secrets/db",
    "s:80/proxy/x",
    "a%2Fb",
    "..",
    ".",
    "",
    "a\nb",
    "a\0",
    "\ud800",
  ];

  test.each(elsewhere)("or a name of %j is rejected before anything is sent", async (name) => {
    const calls: ((things: ReturnType<typeof bind>["things"]) => unknown)[] = [
      (things) => things.get(name),
      (things) => things.delete(name),
      (things) => things.patch(name, {}),
      (things) => things.apply({ metadata: { name } }, { fieldManager: "m" }),
      (things) => things.replace({ metadata: { name } }),
      (things) => things.status.get(name),
      (things) => things.scale.get(name),
      (things) => things.waitFor(name, "Ready"),
      (things) => things.waitForDeleted(name),
    ];
    for (const call of calls) {
      const { things, client } = bind([]);
      await expect(async () => await call(things)).rejects.toThrow(TypeError);
      expect(client.requests).toEqual([]);
    }
    const { things, client } = bind([], { namespace: name });
    await expect(async () => await things.list()).rejects.toThrow(TypeError);
    expect(client.requests).toEqual([]);
  });

  test.each(["kube-root-ca.crt", "widgets.example.com", "system:node", "a..b", "...", "ü"])(
    "may contain a name such as %j",
    async (name) => {
      const { things, client } = bind([one]);
      await things.get(name);
      expect(client.requests[0]?.path).toBe(
        `${root}/namespaces/default/things/${encodeURIComponent(name)}`,
      );
    },
  );
});

describe("lists", () => {
  test("contain objects with their kind", async () => {
    const { things } = bind([listOf(7, [aThing("a", 1), aThing("b", 2)], "more")]);
    const list = await things.list({ limit: 2, labelSelector: { app: true } });
    expect(list.items).toEqual([aThing("a", 1), aThing("b", 2)]);
    expect(list.metadata).toMatchObject({ resourceVersion: "7", continue: "more" });
  });

  test.each<[what: string, answers: object[], message: string]>([
    [
      "page two has always expired",
      [
        listOf(7, [aThing("a", 1)], "more"),
        refused(410, "Expired"),
        listOf(7, [aThing("a", 1)], "more"),
        refused(410, "Expired"),
      ],
      "410 Expired",
    ],
    [
      "the server repeats a page",
      [listOf(7, [aThing("a", 1)], "x"), listOf(7, [aThing("b", 1)], "x")],
      "the server repeats a page",
    ],
    [
      "pages are empty without end",
      Array.from({ length: 1_002 }, (_, page) => listOf(7, [], `page ${page}`)),
      "pages without end",
    ],
    [
      "two pages name each other",
      Array.from({ length: 1_003 }, (_, page) =>
        listOf(7, [aThing(page % 2 === 0 ? "a" : "b", 1)], `page ${page % 2}`),
      ),
      "pages without end",
    ],
    [
      "each page is the first one under another token",
      Array.from({ length: 1_002 }, (_, page) => listOf(7, [aThing("a", 1)], `page ${page}`)),
      "pages without end",
    ],
  ])("throw an error that says why if %s", async (_what, answers, message) => {
    const { things } = bind(answers);
    const reading = (async () => {
      for await (const page of things.listAll()) expect(page.items.length).toBeLessThan(2);
    })();
    await expect(reading).rejects.toThrow(message);
  });

  test.each<[what: string, answer: unknown]>([
    ["null", null],
    ["an empty object", {}],
    ["an item that is null", { metadata: {}, items: [null] }],
  ])("throw a ConnectionError if the response is %s", async (_what, answer) => {
    const { things } = bind([answer as object]);
    await expect(things.list()).rejects.toThrow(/the answer is not a list/);
  });

  test("may be empty, which the server writes as null", async () => {
    const { things } = bind([{ ...listOf(7, []), items: null }]);
    expect((await things.list()).items).toEqual([]);
  });

  test("contain every object of every page, even computed ones without a uid", async () => {
    const computed = (name: string): object => ({ metadata: { name, namespace: "default" } });
    const { things } = bind([
      { ...listOf(7, [], "more"), items: [computed("a"), computed("b")] },
      refused(410, "Expired"),
      { ...listOf(8, []), items: [computed("a"), computed("b"), computed("c")] },
    ]);
    const names: string[][] = [];
    for await (const { items } of things.listAll({ limit: 2 })) {
      names.push(items.map(({ metadata }) => metadata.name));
    }
    expect(names).toEqual([["a", "b"], ["c"]]);
  });

  test("are returned page by page", async () => {
    const { things, client } = bind([
      listOf(7, [aThing("a", 1), aThing("b", 2)], "more"),
      listOf(7, [aThing("c", 3)]),
    ]);
    const pages: string[][] = [];
    for await (const { items } of things.listAll({ limit: 2 })) {
      pages.push(items.map(({ metadata }) => metadata.name));
    }
    expect(pages).toEqual([["a", "b"], ["c"]]);
    expect(client.requests.map(({ query }) => query)).toEqual([
      { limit: "2" },
      { limit: "2", continue: "more" },
    ]);
  });

  test("contain each object once, even if their version expires midway", async () => {
    const { things } = bind([
      listOf(7, [aThing("a", 1), aThing("b", 2)], "more"),
      refused(410, "Expired"),
      listOf(9, [aThing("a", 8), aThing("b", 2, "another b"), aThing("c", 3)]),
    ]);
    const names: string[] = [];
    for await (const { items } of things.listAll()) {
      names.push(...items.map(({ metadata }) => metadata.uid));
    }
    expect(names).toEqual(["uid-a", "uid-b", "another b", "uid-c"]);
  });

  test("throw if the first page has expired, as for any other error", async () => {
    const { things } = bind([refused(410, "Expired")]);
    await expect(things.listAll()[Symbol.asyncIterator]().next()).rejects.toThrow(ApiError);
  });
});

describe("errors", () => {
  test("of a response are an ApiError", async () => {
    const { things } = bind([refused(404, "NotFound")]);
    await expect(things.get("a")).rejects.toMatchObject({ status: 404, reason: "NotFound" });
  });

  test("list the fields that others own when an apply conflicts", async () => {
    const causes = [
      {
        reason: "FieldManagerConflict",
        message: 'conflict with "kubectl" using v1',
        field: ".spec.a",
      },
      { reason: "FieldManagerConflict", message: "conflict", field: ".spec.b" },
    ];
    const body = { ...refusalStatus(409, "Conflict"), details: { causes } };
    const { things } = bind([{ status: 409, body }]);
    const error = await things
      .apply({ metadata: { name: "a" } }, { fieldManager: "me" })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApplyConflictError);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      name: "ApplyConflictError",
      conflicts: [
        { field: ".spec.a", manager: "kubectl" },
        { field: ".spec.b", manager: undefined },
      ],
    });
  });

  test("name an invalid argument before anything is sent", async () => {
    const { things, client } = bind();
    await expect(things.patch("a", {}, { type: "magic" } as never)).rejects.toThrow(
      "type of patch",
    );
    await expect(things.list({ labels: "x" } as never)).rejects.toThrow("option labels");
    await expect(things.create(one, { dryrun: true } as never)).rejects.toThrow("option dryrun");
    await expect(things.delete("a", { force: true } as never)).rejects.toThrow("option force");
    expect(client.requests).toEqual([]);
  });

  test("name a subresource that the kind lacks", async () => {
    const lacking = new Set(["eviction", "log"]);
    const subresources = thing.subresources.filter((name) => !lacking.has(name));
    const { things } = bind([], {}, { ...thing, subresources });
    await expect(things.evict("a")).rejects.toThrow(
      "Cannot use eviction of a Thing: it has status",
    );
    await expect(things.logText("a")).rejects.toThrow("log");
    expect(() => bind([], {}, { ...thing, subresources: ["scale"] })).toThrow(
      "Cannot use status of a Thing: it has scale",
    );
  });
});

describe("defineResource()", () => {
  const good: DefineResourceOptions = {
    group: "example.com",
    version: "v1",
    kind: "Widget",
    plural: "widgets",
    namespaced: true,
  };

  test("makes a kind with a status by default", () => {
    expect(defineResource(good)).toMatchObject({ ...good, subresources: ["status"] });
    expect(defineResource({ ...good, subresources: [] }).subresources).toEqual([]);
  });

  test.each<[what: string, wrong: object]>([
    ["plural is no name", { plural: "" }],
    ["plural is no name", { plural: "widgets/../pods" }],
    ["version is no name", { version: undefined }],
    ["kind is no name", { kind: "Wid get" }],
    ["group is no name", { group: "example.com/v1" }],
    ["Cannot use option name", { name: "widgets" }],
  ])("says that %s", (message, wrong) => {
    expect(() => defineResource({ ...good, ...wrong })).toThrow(message);
  });
});
