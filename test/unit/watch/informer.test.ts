import { describe, expect, onTestFinished, test } from "vitest";
import type { Informer, InformerHandler, InformerOptions } from "../../../src/watch/informer.ts";
import type { KubeObject, Stored } from "../../../src/api/object.ts";

import { bindThings } from "../support/bound-things.ts";
import { ClosedError, ConnectionError } from "../../../src/errors.ts";
import {
  type ScriptedAnswer,
  type ScriptedClient,
  Stream,
  aThing,
  createScriptedClient,
  initialEnd,
  refusalStatus,
  refused,
} from "../support/scripted-client.ts";

interface Informed {
  readonly client: ScriptedClient;
  readonly informer: Informer<KubeObject>;
  /** Lets everything sent so far arrive. */
  settled(): Promise<void>;
}

function inform(
  answers: readonly ScriptedAnswer[],
  options: InformerOptions<KubeObject> = {},
  namespace?: string,
): Informed {
  const client = createScriptedClient();
  client.answer(...answers);
  const informer = bindThings(client, { namespace }).informer(options);
  onTestFinished(() => informer.stop());
  return { client, informer, settled: () => client.clock.advance(0) };
}

/** A handler that records its calls. */
function recorder(): InformerHandler<KubeObject> & { readonly calls: string[] } {
  const calls: string[] = [];
  const inShort = ({ metadata: { name, resourceVersion } }: Stored<KubeObject>): string =>
    `${name} ${resourceVersion}`;
  return {
    calls,
    added: (object) => calls.push(`added ${inShort(object)}`),
    modified: (object, previous) =>
      calls.push(`modified ${inShort(previous)} to ${inShort(object)}`),
    deleted: (object) => calls.push(`deleted ${inShort(object)}`),
  };
}

function streamed(version: number, ...things: readonly Stored<KubeObject>[]): Stream {
  const stream = new Stream();
  for (const one of things) stream.send("ADDED", one);
  return stream.send("BOOKMARK", initialEnd(version));
}

describe("informer()", () => {
  test("has the existing objects once it has synced, and follows their changes", async () => {
    const stream = streamed(5, aThing("a", 1), aThing("b", 2));
    const { informer, settled } = inform([stream]);
    expect(informer.hasSynced).toBe(false);
    await informer.synced();
    expect(informer.hasSynced).toBe(true);
    expect(informer.size).toBe(2);
    expect(informer.get("a")).toEqual(aThing("a", 1));
    stream.send("MODIFIED", aThing("a", 6)).send("DELETED", aThing("b", 7));
    await settled();
    expect(informer.list()).toEqual([aThing("a", 6)]);
    expect(informer.get("b")).toBeUndefined();
  });

  test("finds by name in its bound namespace, or in the given one", async () => {
    const { informer } = inform([streamed(5, aThing("a", 1))], {}, "*");
    await informer.synced();
    expect(informer.get("a")).toBeUndefined();
    expect(informer.get("a", "default")).toBeDefined();
    expect(informer.list("other")).toEqual([]);
  });

  test("finds by an index", async () => {
    const stream = streamed(5, aThing("a", 1), aThing("b", 2));
    const { informer, settled } = inform([stream], {
      indexes: { uid: ({ metadata }) => metadata.uid },
    });
    await informer.synced();
    expect(informer.byIndex("uid", "uid-b")).toEqual([aThing("b", 2)]);
    stream.send("DELETED", aThing("b", 7));
    await settled();
    expect(informer.byIndex("uid", "uid-b")).toEqual([]);
  });

  test("calls handlers with changes, and a late handler with the existing objects first", async () => {
    const stream = streamed(5, aThing("a", 1));
    const { informer, settled } = inform([stream]);
    const early = recorder();
    informer.on(early);
    await informer.synced();
    const late = recorder();
    const off = informer.on(late);
    stream.send("MODIFIED", aThing("a", 6)).send("ADDED", aThing("b", 7));
    await settled();
    const both = ["added a 1", "modified a 1 to a 6", "added b 7"];
    expect(early.calls).toEqual(both);
    expect(late.calls).toEqual(both);
    off();
    stream.send("DELETED", aThing("b", 8));
    await settled();
    expect(early.calls).toEqual([...both, "deleted b 8"]);
    expect(late.calls).toEqual(both);
  });

  test("calls a handler that another one adds once with each object", async () => {
    const stream = streamed(5, aThing("a", 1));
    const { informer } = inform([stream]);
    const inner = recorder();
    informer.on({ added: () => informer.on(inner) });
    await informer.synced();
    expect(inner.calls).toEqual(["added a 1"]);
  });

  test("continues if a handler throws, and reports it", async () => {
    const stream = streamed(5, aThing("a", 1));
    const { informer, client, settled } = inform([stream]);
    const failure = new Error("broken handler");
    const good = recorder();
    informer.on({
      added() {
        throw failure;
      },
      async modified() {
        throw failure;
      },
    });
    informer.on(good);
    await informer.synced();
    stream.send("MODIFIED", aThing("a", 6));
    await settled();
    expect(good.calls).toEqual(["added a 1", "modified a 1 to a 6"]);
    const path = "/apis/example.com/v1/namespaces/default/things";
    const event = { type: "handler-failed", path, error: failure };
    expect(client.events).toEqual([event, event]);
  });

  test("emits the differences after the server has lost its version", async () => {
    const first = streamed(5, aThing("a", 1), aThing("b", 2));
    const { informer, client, settled } = inform([first, streamed(9, aThing("b", 8))]);
    const handler = recorder();
    informer.on(handler);
    await informer.synced();
    first.send("ERROR", refusalStatus(410, "Expired"));
    await settled();
    await settled();
    expect(handler.calls.slice(2)).toEqual(["modified b 2 to b 8", "deleted a 1"]);
    expect(informer.list()).toEqual([aThing("b", 8)]);
    expect(client.requests).toHaveLength(2);
  });

  test("emits all objects again at each resync interval", async () => {
    const { informer, client } = inform([streamed(5, aThing("a", 1))], { resyncIntervalMs: 1_000 });
    const handler = recorder();
    informer.on(handler);
    await informer.synced();
    await client.clock.advance(2_500);
    const again = "modified a 1 to a 1";
    expect(handler.calls).toEqual(["added a 1", again, again]);
    await informer.stop();
    expect(client.clock.pending).toBe(0);
  });

  test("has the transformed objects", async () => {
    const { informer } = inform([streamed(5, aThing("a", 1))], {
      transform: ({ metadata, ...object }) => ({
        ...object,
        metadata: { ...metadata, labels: { small: "yes" } },
      }),
    });
    await informer.synced();
    expect(informer.get("a")?.metadata.labels).toEqual({ small: "yes" });
  });

  test.each([
    ["an error of its own", new TypeError("no node")],
    ["an error that a watch would recover from", new ConnectionError("no node")],
  ])("ends if an index throws %s", async (_what, error) => {
    const stream = streamed(5, aThing("a", 1));
    const { informer, client } = inform([stream], {
      indexes: {
        node({ metadata }) {
          if (metadata.name === "b") throw error;
          return undefined;
        },
      },
    });
    await informer.synced();
    stream.send("ADDED", aThing("b", 6));
    await expect(informer.ended).rejects.toBe(error);
    expect(client.events).toMatchObject([{ type: "informer-failed", error }]);
    expect(client.requests).toHaveLength(1);
  });

  test("has each change by the time that its handlers are called, and none that follow", async () => {
    const stream = streamed(5, aThing("a", 1));
    const { informer, settled } = inform([stream]);
    const states: string[] = [];
    const note = (type: string): void => {
      const names = informer.list().map(({ metadata }) => metadata.resourceVersion);
      states.push(`${type}: ${names.join()}`);
    };
    informer.on({
      added: () => note("added"),
      modified: () => note("modified"),
      deleted: () => note("deleted"),
    });
    await informer.synced();
    const other = aThing("a", 8);
    other.metadata.uid = "another";
    const events = [
      { type: "MODIFIED", object: aThing("a", 6) },
      { type: "ADDED", object: aThing("b", 7) },
      // Another object of the name: the first was deleted while nobody looked.
      { type: "MODIFIED", object: other },
    ];
    stream.write(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
    await settled();
    expect(states).toEqual(["added: 1", "modified: 6", "added: 6,7", "deleted: 7", "added: 7,8"]);
  });

  test("throws to all callers if it can't start", async () => {
    const { informer, client } = inform([refused(403, "Forbidden")]);
    await expect(informer.synced()).rejects.toMatchObject({ status: 403 });
    await expect(informer.ended).rejects.toMatchObject({ status: 403 });
    expect(client.events).toMatchObject([{ type: "informer-failed", error: { status: 403 } }]);
    const refusal = expect.objectContaining({ status: 403 }) as Error;
    expect(() => informer.get("a")).toThrow(refusal);
    expect(() => informer.size).toThrow(refusal);
    expect(() => informer.list()).toThrow(refusal);
    expect(() => informer.byIndex("node", "a")).toThrow(refusal);
  });

  test("starts once it may list, if it is asked to retry", async () => {
    const { informer, client } = inform([refused(403, "Forbidden"), streamed(5, aThing("a", 1))], {
      retryInitialErrors: true,
    });
    const synced = informer.synced();
    expect(informer.size).toBe(0);
    await client.clock.advance(1_000);
    await synced;
    expect(informer.size).toBe(1);
  });

  test.each<[what: string, answer: ScriptedAnswer]>([
    ["null", null],
    ["an empty object", {}],
    ["no items", { metadata: { resourceVersion: "6" } }],
    ["an item that is null", { metadata: { resourceVersion: "6" }, items: [null] }],
    ["an item without metadata", { metadata: { resourceVersion: "6" }, items: [{}] }],
    ["an item without a name", { metadata: { resourceVersion: "6" }, items: [{ metadata: {} }] }],
    ["items that are no list", { metadata: { resourceVersion: "6" }, items: {} }],
    ["a text", "a login page"],
  ])("survives an answer of %s", async (_what, answer) => {
    const stream = new Stream();
    const list = (version: number): object => ({
      metadata: { resourceVersion: String(version) },
      items: [aThing("a", version)],
    });
    const { informer, client } = inform([refused(422, "Invalid"), list(1), stream]);
    await informer.synced();
    stream.send("ERROR", refusalStatus(410, "Expired"));
    client.answer(answer, list(7), new Stream());
    await client.clock.advance(2_000);
    expect(informer.get("a")?.metadata.resourceVersion).toBe("7");
    expect(client.events.at(-1)).toMatchObject({
      error: {
        name: "ConnectionError",
        message: expect.stringContaining("is not a list") as string,
      },
    });
  });

  test("ends when it is stopped, and keeps its objects", async () => {
    const stream = streamed(5, aThing("a", 1));
    const { informer, client } = inform([stream]);
    await informer.synced();
    await informer[Symbol.asyncDispose]();
    await informer.ended;
    expect(stream.isGivenUp).toBe(true);
    expect(informer.size).toBe(1);
    expect(client.clock.pending).toBe(0);
    expect(client.events).toEqual([]);
  });

  test("throws to callers that wait for the sync when it is stopped", async () => {
    const { informer } = inform([]);
    const synced = informer.synced();
    await informer.stop();
    await expect(synced).rejects.toThrow(ClosedError);
  });

  test("ends with its signal, and emits no failure", async () => {
    const abort = new AbortController();
    const { informer, client } = inform([streamed(5)], { signal: abort.signal });
    await informer.synced();
    abort.abort(new Error("enough"));
    await expect(informer.ended).rejects.toThrow("enough");
    expect(client.events).toEqual([]);
  });

  test("ends with the client, and emits no failure", async () => {
    const { informer, client } = inform([streamed(5)]);
    await informer.synced();
    client.close(new ClosedError());
    await expect(informer.ended).rejects.toThrow(ClosedError);
    expect(client.events).toEqual([]);
  });
});
