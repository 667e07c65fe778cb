import { describe, expect, test } from "vitest";
import type { KubeObject, Stored } from "../../../src/api/object.ts";
import { type Resource, bindResource } from "../../../src/resources/resource.ts";
import {
  type ScriptedAnswer,
  type ScriptedClient,
  Stream,
  aThing,
  createScriptedClient,
  initialEnd,
  refused,
  thing,
} from "../support/scripted-client.ts";

interface Bound {
  readonly client: ScriptedClient;
  readonly things: Resource<KubeObject>;
}

function bind(...answers: readonly ScriptedAnswer[]): Bound {
  const client = createScriptedClient();
  client.answer(...answers);
  return { client, things: bindResource<KubeObject>(thing, {}, client, {}) };
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
  test("gives an object that is already as it should be", async () => {
    const { things, client } = bind(streamed(5, withCondition(1, "Ready", "True")));
    expect((await things.waitFor("a", "Ready")).metadata.resourceVersion).toBe("1");
    expect(client.requests[0]?.query).toMatchObject({ fieldSelector: "metadata.name=a" });
    expect(client.clock.pending).toBe(0);
  });

  test("waits for a condition, for its value, and for what a function says", async () => {
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

  test("waits for an object that is not there yet, and past one that went", async () => {
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
  ])("says how long it waited, and that it last saw %s", async (_what, answers, seen) => {
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

  test("ends at once with its signal, and with a refusal", async () => {
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

  test("ends with what a condition throws", async () => {
    const { things, client } = bind(streamed(5, aThing("a", 1)));
    const waiting = things.waitFor("a", () => {
      throw new RangeError("no");
    });
    await expect(waiting).rejects.toThrow(RangeError);
    expect(client.clock.pending).toBe(0);
  });
});

describe("waitForDeleted()", () => {
  test("is over where there is no such object", async () => {
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

  test("takes another object of the name for the end of the first", async () => {
    await bind(streamed(5, aThing("a", 1, "new"))).things.waitForDeleted("a", { uid: "old" });
    const stream = streamed(5, aThing("a", 1, "old")).send("ADDED", aThing("a", 6, "new"));
    await bind(stream).things.waitForDeleted("a");
  });

  test("says what holds the object", async () => {
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
