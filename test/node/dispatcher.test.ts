/**
 * A dispatcher compared with undici's own `Agent`: both pass what undici's tests require.
 *
 * @module
 */

import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { Agent, type Dispatcher, errors, fetch, request } from "undici";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type RotatingDispatcher, createDispatcher } from "../../runtimes/agents.ts";
import { ClosedError, functionCaSource, staticCaSource } from "../../runtimes/node.ts";
import { rejection, startCluster } from "../contract/support/scene.ts";

interface Options {
  readonly ca: string;
  readonly pool?: Agent.Options;
}

/** Undici's, ours, and ours with sources that are reloaded for each request. */
const kinds: readonly [string, (options: Options) => Agent | RotatingDispatcher][] = [
  ["undici's Agent", ({ ca, pool }) => new Agent({ ...pool, allowH2: false, connect: { ca } })],
  ["createDispatcher()", ({ ca, pool = {} }) => createDispatcher({ ca: staticCaSource(ca), pool })],
  [
    "createDispatcher() with an aged source",
    ({ ca, pool = {} }) =>
      createDispatcher({ ca: functionCaSource(() => ca, { reloadIntervalMs: 0 }), pool }),
  ],
];

/** A handler that records the error, and can be awaited. */
function createHandler(): Dispatcher.DispatchHandler & { ended: Promise<unknown> } {
  const { promise: ended, resolve } = Promise.withResolvers<unknown>();
  return {
    ended,
    onRequestStart: () => {},
    onResponseStart: () => {},
    onResponseData: () => {},
    onResponseEnd: () => resolve("end"),
    onResponseError: (_, error) => resolve(error),
  };
}

describe.each(kinds)("%s", (name, open) => {
  async function start(pool: Agent.Options = {}) {
    const { ca, server } = await startCluster();
    const dispatcher = open({ ca: ca.pem, pool });
    onTestFinished(async () => await dispatcher.destroy());
    return { dispatcher, server };
  }

  test("rejects requests once it is closed", async () => {
    const { dispatcher, server } = await start();
    await dispatcher.close();
    expect(dispatcher).toMatchObject({ closed: true, destroyed: true });
    const error = await rejection(request(server.origin, { dispatcher }));
    expect(error).toMatchObject({ code: "UND_ERR_DESTROYED" });
    expect(error).toBeInstanceOf(errors.ClientDestroyedError);
    expect(error).toBeInstanceOf(errors.UndiciError);
  });

  test("rejects requests while it closes, and completes those in flight", async () => {
    const { dispatcher, server } = await start();
    const { body } = await request(`${server.origin}/held-body?key=${name}`, { dispatcher });
    const closing = dispatcher.close();
    const again = dispatcher.close();
    const error = await rejection(request(server.origin, { dispatcher }));
    expect(error).toMatchObject({ code: "UND_ERR_CLOSED" });
    expect(error).toBeInstanceOf(errors.ClientClosedError);
    expect(dispatcher).toMatchObject({ closed: true, destroyed: false });
    await server.release(name);
    expect(await body.text()).toContain("second");
    await Promise.all([closing, again]);
    expect(dispatcher.destroyed).toBe(true);
  });

  test("close() after destroy() is rejected, and destroy() again is not", async () => {
    const { dispatcher } = await start();
    await dispatcher.destroy();
    await dispatcher.destroy();
    await new Promise<void>((resolve) => {
      dispatcher.destroy(resolve);
    });
    expect(await rejection(dispatcher.close())).toMatchObject({ code: "UND_ERR_DESTROYED" });
    const told = await new Promise<unknown>((resolve) => {
      dispatcher.close(resolve as () => void);
    });
    expect(told).toBeInstanceOf(errors.ClientDestroyedError);
  });

  test("destroy() ends what is in flight with its error", async () => {
    const { dispatcher, server } = await start();
    const sent = rejection(request(`${server.origin}/held-headers?key=${name}`, { dispatcher }));
    await server.held(name);
    const reason = new Error("enough");
    await dispatcher.destroy(reason);
    expect(await sent).toMatchObject({ message: "enough" });
    expect(await rejection(request(server.origin, { dispatcher }))).toMatchObject({
      code: "UND_ERR_DESTROYED",
    });
  });

  test("close() and destroy() reject a callback that is not a function", async () => {
    const { dispatcher } = await start();
    for (const method of ["close", "destroy"] as const) {
      const call = dispatcher[method].bind(dispatcher) as (...given: unknown[]) => unknown;
      const given = method === "close" ? ["callback"] : [null, "callback"];
      expect(() => call(...given)).toThrow(errors.InvalidArgumentError);
    }
  });

  test("dispatch() throws at once if it gets no handler", async () => {
    const { dispatcher, server } = await start();
    const dispatch = dispatcher.dispatch.bind(dispatcher) as (...given: unknown[]) => boolean;
    const options = { origin: server.origin, path: "/version", method: "GET" };
    for (const handler of [undefined, null, "handler", 1]) {
      expect(() => dispatch({}, handler)).toThrow(errors.InvalidArgumentError);
      expect(() => dispatch(options, handler)).toThrow(/handler must be an object/);
    }
    await dispatcher.close();
    expect(() => dispatch(options, {})).toThrow(errors.ClientDestroyedError);
  });

  test("dispatch() reports an invalid request to its handler", async () => {
    const { dispatcher } = await start();
    const dispatch = dispatcher.dispatch.bind(dispatcher) as (...given: unknown[]) => boolean;
    for (const options of [undefined, {}, { origin: "", path: "/", method: "GET" }]) {
      const handler = createHandler();
      dispatch(options, handler);
      expect(await handler.ended).toBeInstanceOf(errors.InvalidArgumentError);
    }
  });

  test("dispatch() returns whether it accepts more, and emits drain when it does again", async () => {
    const { dispatcher, server } = await start({ connections: 1, pipelining: 1 });
    const options = { origin: server.origin, path: "/version", method: "GET" } as const;
    const drained = once(dispatcher, "drain");
    const handlers = Array.from({ length: 5 }, createHandler);
    const rooms = handlers.map((handler) => dispatcher.dispatch(options, handler));
    expect(rooms.at(-1)).toBe(false);
    const [origin, targets] = (await drained) as [URL, unknown[]];
    expect(origin.origin).toBe(server.origin);
    expect(targets[0]).toBe(dispatcher);
    expect(await Promise.all(handlers.map(({ ended }) => ended))).toEqual(Array(5).fill("end"));
  });

  test("uses the headers as they were at the call", async () => {
    const { dispatcher, server } = await start();
    const record: Record<string, string> = { "x-sent": "record" };
    const list = ["x-sent", "list"];
    const entries = new Map([["x-sent", "entries"]]);
    const answers = [record, list, entries].map(async (headers) => {
      const { body } = await request(`${server.origin}/echo`, { dispatcher, headers });
      return (await body.json()) as { headers: Record<string, string> };
    });
    record["x-sent"] = "changed";
    list[1] = "changed";
    entries.set("x-sent", "changed");
    const seen = (await Promise.all(answers)).map(({ headers }) => headers["x-sent"]);
    expect(seen).toEqual(["record", "list", "entries"]);
  });

  test("counts its requests by origin", async () => {
    const { dispatcher, server } = await start();
    expect(dispatcher.stats).toEqual({});
    const sent = request(`${server.origin}/held-headers?key=${name}`, { dispatcher });
    await server.held(name);
    expect(dispatcher.stats).toMatchObject({ [server.origin]: { running: 1 } });
    await server.release(name);
    await (await sent).body.text();
  });

  test("close() and destroy() can be replaced by spies", async () => {
    const { dispatcher } = await start();
    const close = vi.spyOn(dispatcher, "close").mockImplementation(async () => {});
    await dispatcher.close();
    expect(close).toHaveBeenCalledOnce();
    expect(dispatcher.closed).toBe(false);
    close.mockRestore();
    const destroy = vi.spyOn(dispatcher, "destroy");
    await dispatcher.destroy();
    expect(destroy).toHaveBeenCalled();
    expect(dispatcher.destroyed).toBe(true);
  });

  test("limits messages and events as its options say", async () => {
    const { ca } = await startCluster();
    const pool = { webSocket: { maxPayloadSize: 1_000 }, eventSource: { maxEventSize: 2_000 } };
    for (const given of [{}, pool]) {
      const [dispatcher, agent] = [open({ ca: ca.pem, pool: given }), new Agent(given)];
      onTestFinished(async () => await dispatcher.destroy());
      for (const of of ["webSocketOptions", "eventSourceOptions"]) {
        expect(Reflect.get(agent, of)).toBeTypeOf("object");
        expect(Reflect.get(dispatcher, of)).toEqual(Reflect.get(agent, of));
      }
    }
  });

  test("puts itself first among the targets of its events", async () => {
    const { dispatcher, server } = await start();
    const connected = once(dispatcher, "connect");
    const disconnected = once(dispatcher, "disconnect");
    await (await fetch(`${server.origin}/version`, { dispatcher })).text();
    expect(((await connected) as [URL, unknown[]])[1]).toMatchObject([dispatcher, {}, {}]);
    await setImmediate();
    await server.dropConnections();
    expect(((await disconnected) as [URL, unknown[]])[1][0]).toBe(dispatcher);
  });
});

test("a dispatcher's errors are also instances of reanchor's class", async () => {
  const { ca, server } = await startCluster();
  const dispatcher = createDispatcher({ ca: staticCaSource(ca.pem) });
  const closing = dispatcher.close();
  for (const code of ["UND_ERR_CLOSED", "UND_ERR_DESTROYED"]) {
    const error = await rejection(request(server.origin, { dispatcher }));
    expect(error).toBeInstanceOf(ClosedError);
    expect(error).toMatchObject({ name: "ClosedError", code });
    await closing;
  }
  await dispatcher[Symbol.asyncDispose]();
});
