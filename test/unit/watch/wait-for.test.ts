import { describe, expect, test } from "vitest";
import type { KubeObject, Stored } from "../../../src/api/object.ts";
import { type Things, bindThings } from "../support/bound-things.ts";
import { WaitFailedError } from "../../../src/errors.ts";
import { deleted } from "../../../src/watch/wait-conditions.ts";
import type { WaitForOptions } from "../../../src/watch/wait-for.ts";
import {
  type ScriptedAnswer,
  type ScriptedClient,
  Stream,
  aThing,
  createScriptedClient,
  initialEnd,
  refused,
} from "../support/scripted-client.ts";

interface Bound {
  readonly client: ScriptedClient;
  readonly things: Things;
}

function bind(...answers: readonly ScriptedAnswer[]): Bound {
  const client = createScriptedClient();
  client.answer(...answers);
  return { client, things: bindThings(client) };
}

function withStatus(version: number, status: object): Stored<KubeObject> {
  return { ...aThing("a", version), status } as Stored<KubeObject>;
}

function withCondition(version: number, type: string, value: string): Stored<KubeObject> {
  const condition = { type, status: value, reason: "Why", message: "for a reason" };
  return withStatus(version, { phase: "Pending", conditions: [condition] });
}

function streamed(version: number, ...things: readonly Stored<KubeObject>[]): Stream {
  const stream = new Stream();
  for (const one of things) stream.send("ADDED", one);
  return stream.send("BOOKMARK", initialEnd(version));
}

describe("waitFor()", () => {
  test("returns an object that already meets the condition", async () => {
    const { things, client } = bind(streamed(5, withCondition(1, "Ready", "True")));
    expect((await things.waitFor("a", "Ready")).metadata.resourceVersion).toBe("1");
    expect(client.requests[0]?.query).toMatchObject({ fieldSelector: "metadata.name=a" });
    expect(client.clock.pending).toBe(0);
  });

  test("waits for a condition, for its value, and for a function", async () => {
    const states = [withCondition(6, "Ready", "False"), withCondition(7, "Ready", "True")];
    const wait = async (condition: Parameters<typeof things.waitFor>[1]): Promise<string> => {
      const stream = streamed(5, aThing("a", 1));
      for (const state of states) stream.send("MODIFIED", state);
      const bound = bind(stream);
      return (await bound.things.waitFor("a", condition)).metadata.resourceVersion;
    };
    const { things } = bind();
    expect(await wait("Ready")).toBe("7");
    expect(await wait("Ready=True")).toBe("7");
    expect(await wait("Ready=False")).toBe("6");
    expect(await wait(({ metadata }) => metadata.resourceVersion === "6")).toBe("6");
  });

  test.each<[what: string, odd: object]>([
    ["a status that is null", { status: null }],
    ["a status that is a text", { status: "odd" }],
    ["conditions that are no list", { status: { conditions: { a: 1 } } }],
    [
      "conditions of anything",
      { status: { conditions: [null, 1, { type: { toString: 1 }, status: ["x"], reason: {} }] } },
    ],
    ["finalizers that are no list", { metadata: { deletionTimestamp: "x", finalizers: { a: 1 } } }],
    ["finalizers that are null", { metadata: { deletionTimestamp: "x", finalizers: null } }],
  ])("waits past an object with %s", async (_what, { metadata, ...odd }: { metadata?: object }) => {
    const one = aThing("a", 1);
    const strange = { ...one, ...odd, metadata: { ...one.metadata, ...metadata } };
    const stream = streamed(5, strange).send("MODIFIED", withCondition(6, "Ready", "True"));
    const { things } = bind(stream);
    const found = await things.waitFor("a", "Ready", { failOn: "Failed", onProgress: () => {} });
    expect(found.metadata.resourceVersion).toBe("6");
  });

  test("waits for an object that does not exist yet, and past a deleted one", async () => {
    const stream = streamed(5).send("ADDED", aThing("a", 6)).send("DELETED", aThing("a", 7));
    stream.send("ADDED", withCondition(8, "Ready", "True"));
    const { things } = bind(stream);
    expect((await things.waitFor("a", "Ready")).metadata.resourceVersion).toBe("8");
  });

  test.each<[what: string, answers: ScriptedAnswer[], seen: string]>([
    ["nothing yet", [], "the server has not said yet whether it is there"],
    ["that it was not there", [streamed(5)], "it was not there"],
    ["that it was there", [streamed(5, aThing("a", 1))], "at resourceVersion 1 it was there"],
    [
      "its conditions",
      [streamed(5, withCondition(1, "Ready", "False"))],
      "at resourceVersion 1 it was phase Pending, Ready=False (Why: for a reason)",
    ],
  ])("reports how long it waited, and that it last saw %s", async (_what, answers, seen) => {
    const { things, client } = bind(...answers);
    const waiting = things.waitFor("a", "Ready", { timeoutMs: 1_000 });
    const outcome = expect(waiting).rejects.toMatchObject({
      name: "TimeoutError",
      message: `Cannot wait any longer for Thing default/a to be Ready: 1000 ms have passed (timeoutMs); ${seen}`,
    });
    await client.clock.advance(1_000);
    await outcome;
    expect(client.clock.pending).toBe(0);
  });

  test("ends at once with its signal, and with an error response", async () => {
    const abort = new AbortController();
    const { things, client } = bind(streamed(5));
    const waiting = things.waitFor("a", "Ready", { signal: abort.signal });
    const outcome = expect(waiting).rejects.toThrow("enough");
    await client.clock.advance(0);
    abort.abort(new Error("enough"));
    await outcome;
    await expect(
      bind(refused(403, "Forbidden")).things.waitFor("a", "Ready"),
    ).rejects.toMatchObject({
      status: 403,
    });
  });

  test("throws what a condition throws", async () => {
    const { things, client } = bind(streamed(5, aThing("a", 1)));
    const waiting = things.waitFor("a", () => {
      throw new RangeError("no");
    });
    await expect(waiting).rejects.toThrow(RangeError);
    expect(client.clock.pending).toBe(0);
  });
});

/** An object of a generation, as the server counts changes, with the status of a generation too. */
function ofGeneration(version: number, generation: number, status: object): Stored<KubeObject> {
  const object = withStatus(version, status);
  object.metadata.generation = generation;
  return object;
}

describe("waitFor() ignores a status from before a change", () => {
  const available = { type: "Available", status: "True" };

  test.each<[what: string, old: object, recent: object]>([
    [
      "the status's observedGeneration",
      { observedGeneration: 1, conditions: [available] },
      { observedGeneration: 2, conditions: [available] },
    ],
    [
      "the condition's observedGeneration, which wins",
      { observedGeneration: 2, conditions: [{ ...available, observedGeneration: 1 }] },
      { observedGeneration: 1, conditions: [{ ...available, observedGeneration: 2 }] },
    ],
  ])("by %s", async (_what, old, recent) => {
    const stream = streamed(5, ofGeneration(1, 2, old));
    stream.send("MODIFIED", ofGeneration(6, 2, recent));
    const { things } = bind(stream);
    expect((await things.waitFor("a", "Available")).metadata.resourceVersion).toBe("6");
  });

  test("and its error says whose status it has seen", async () => {
    const old = { observedGeneration: 1, conditions: [available] };
    const { things, client } = bind(streamed(5, ofGeneration(1, 2, old)));
    const outcome = expect(things.waitFor("a", "Available")).rejects.toThrow(
      "it was Available=True, its status is of generation 1, and not yet of 2",
    );
    await client.clock.advance(60_000);
    await outcome;
  });

  test("but accepts a status without a known generation", async () => {
    const stream = streamed(5, ofGeneration(1, 2, { conditions: [available] }));
    expect((await bind(stream).things.waitFor("a", "Available")).metadata.name).toBe("a");
  });

  test("and ignores a failure from before a change", async () => {
    const failed = { conditions: [{ type: "Failed", status: "True" }] };
    const stream = streamed(5, ofGeneration(1, 2, { ...failed, observedGeneration: 1 }));
    stream.send("MODIFIED", ofGeneration(6, 2, { observedGeneration: 2, conditions: [available] }));
    const waiting = bind(stream).things.waitFor("a", "Available", { failOn: "Failed" });
    expect((await waiting).metadata.resourceVersion).toBe("6");
  });
});

describe("waitFor() with several conditions", () => {
  const both = (version: number, ready: string, synced: string): Stored<KubeObject> =>
    withStatus(version, {
      conditions: [
        { type: "Ready", status: ready },
        { type: "Synced", status: synced },
      ],
    });

  test("waits until all of them are met at the same time", async () => {
    const stream = streamed(5, both(1, "True", "False"));
    stream.send("MODIFIED", both(6, "False", "True")).send("MODIFIED", both(7, "True", "True"));
    const waiting = bind(stream).things.waitFor("a", [
      "Ready",
      ({ kind }) => kind === "Thing",
      "Synced",
    ]);
    expect((await waiting).metadata.resourceVersion).toBe("7");
  });

  test("names all of them in its error", async () => {
    const { things, client } = bind(streamed(5));
    const outcome = expect(things.waitFor("a", ["Ready", "Synced=False"])).rejects.toThrow(
      "to be Ready and Synced=False",
    );
    await client.clock.advance(60_000);
    await outcome;
  });

  test("ignores case, as kubectl wait does", async () => {
    const { things } = bind(streamed(5, both(1, "False", "True")));
    expect((await things.waitFor("a", ["ready=false", "SYNCED"])).metadata.name).toBe("a");
  });

  test.each<[what: string, condition: unknown]>([
    ["none", []],
    ["an empty text", ""],
    ["a text without a type", "=True"],
    ["a text without a status", "Ready="],
    ["a number", 7],
    ["null", null],
    ["deleted beside others", ["Ready", deleted]],
    ["an object of another kind", { name: "Ready" }],
  ])("rejects %s", async (_what, condition) => {
    const { things, client } = bind();
    await expect(things.waitFor("a", condition as string)).rejects.toThrow(TypeError);
    await expect(
      things.waitFor("a", "Ready", { failOn: [condition] as unknown as string }),
    ).rejects.toThrow(TypeError);
    expect(client.requests).toEqual([]);
  });
});

describe("waitFor() with conditions that mean failure", () => {
  const failed = {
    type: "Failed",
    status: "True",
    reason: "Limit",
    message: "tried 6\u001b[31m times",
  };

  test.each<[what: string, failOn: WaitForOptions["failOn"]]>([
    ["one", "Failed"],
    ["one of several", ["Lost", "Failed=True"]],
  ])("throws at once and says why: %s", async (_what, failOn) => {
    const stream = streamed(5, aThing("a", 1)).send(
      "MODIFIED",
      withStatus(6, { conditions: [failed] }),
    );
    const { things, client } = bind(stream);
    const error = await things
      .waitFor("a", "Complete", { failOn })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WaitFailedError);
    expect(error).toMatchObject({
      code: "ERR_REANCHOR_WAIT_FAILED",
      message:
        "Cannot wait any longer for Thing default/a to be Complete: failOn is met: Failed=True (Limit: tried 6 times)",
    });
    expect(client.clock.pending).toBe(0);
    expect(stream.isGivenUp).toBe(true);
  });

  test("describes the object if a function reports the failure", async () => {
    const { things } = bind(streamed(5, withStatus(1, { phase: "Lost" })));
    const waiting = things.waitFor("a", "Ready", { failOn: () => true });
    await expect(waiting).rejects.toThrow("failOn is met: at resourceVersion 1 it was phase Lost");
  });

  test("returns an object that meets both a wanted and a failure condition", async () => {
    const status = { conditions: [failed, { type: "Complete", status: "True" }] };
    const { things } = bind(streamed(5, withStatus(1, status)));
    expect((await things.waitFor("a", "Complete", { failOn: "Failed" })).metadata.name).toBe("a");
  });
});

describe("waitFor() with onProgress", () => {
  const states = ["False", "False", "Unknown", "True"];

  function changing(): Stream {
    const stream = streamed(5, aThing("a", 1));
    for (const [index, state] of states.entries()) {
      stream.send("MODIFIED", withCondition(6 + index, "Ready", state));
    }
    return stream;
  }

  test("calls it each time the missing conditions change", async () => {
    const told: string[] = [];
    await bind(changing()).things.waitFor("a", "Ready", { onProgress: (text) => told.push(text) });
    expect(told).toEqual(["Ready=False (Why: for a reason)", "Ready=Unknown (Why: for a reason)"]);
  });

  test.each<[how: string, onProgress: () => unknown]>([
    [
      "throws",
      () => {
        throw new RangeError("no");
      },
    ],
    ["rejects", async () => await Promise.reject(new RangeError("no"))],
  ])("throws what it %s", async (_how, onProgress) => {
    const { things } = bind(streamed(5, withCondition(1, "Ready", "False")));
    await expect(things.waitFor("a", "Ready", { onProgress })).rejects.toThrow(RangeError);
  });
});

describe("waitForDeleted()", () => {
  test("is what waitFor() does with deleted", async () => {
    const stream = streamed(5, aThing("a", 1, "old")).send("ADDED", aThing("a", 6, "new"));
    await expect(bind(stream).things.waitFor("a", deleted)).resolves.toBeUndefined();
    const other = bind(streamed(5, aThing("a", 1, "new")));
    await other.things.waitFor("a", deleted, { uid: "old" });
  });

  test("returns if the object does not exist", async () => {
    await bind(streamed(5)).things.waitForDeleted("a");
  });

  test("waits until the object is gone", async () => {
    const stream = streamed(5, aThing("a", 1)).send("MODIFIED", aThing("a", 6));
    const { things, client } = bind(stream);
    let isOver = false;
    const waiting = things.waitForDeleted("a").then(() => (isOver = true));
    await client.clock.advance(0);
    expect(isOver).toBe(false);
    stream.send("DELETED", aThing("a", 7));
    await waiting;
  });

  test("treats another object with the name as the end of the first", async () => {
    await bind(streamed(5, aThing("a", 1, "new"))).things.waitForDeleted("a", { uid: "old" });
    const stream = streamed(5, aThing("a", 1, "old")).send("ADDED", aThing("a", 6, "new"));
    await bind(stream).things.waitForDeleted("a");
  });

  test("reports what delays the deletion", async () => {
    const held = aThing("a", 1);
    held.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    held.metadata.finalizers = ["example.com/hold"];
    const { things, client } = bind(streamed(5, held));
    const outcome = expect(things.waitForDeleted("a")).rejects.toThrow(
      "to be gone: 60000 ms have passed (timeoutMs); at resourceVersion 1 it was deleted, and held by example.com/hold",
    );
    await client.clock.advance(60_000);
    await outcome;
  });
});
