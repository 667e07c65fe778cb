/**
 * The bearer token, and what a 401 does to it.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ReanchorEvent } from "../../../src/events.ts";
import {
  type TokenSource,
  bindFunctionTokenSource,
  staticTokenSource,
} from "../../../src/sources/token-source.ts";
import type { Source } from "../../../src/sources/source.ts";
import { withCredentials } from "../../../src/transport/authorize.ts";
import type { OutgoingRequest } from "../../../src/transport/request.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";
import {
  type Answer,
  type NextAnswer,
  answer,
  outgoing,
  recordingSend,
  streamOf,
} from "../support/outgoing.ts";
import { settle, watch } from "../support/scripted-source.ts";

const ok = answer(200);

interface Authorized {
  readonly clock: ReturnType<typeof createFakeRuntime>["clock"];
  readonly source: TokenSource;
  readonly events: ReanchorEvent[];
  readonly sent: ReturnType<typeof recordingSend>["sent"];
  readonly send: ReturnType<typeof withCredentials>;
  /** The token of the next read. */
  token: string;
  reads: number;
}

/** A token that was read long before any request, and whose interval has not passed. */
async function authorized(...answers: readonly NextAnswer[]): Promise<Authorized> {
  const { clock, ...runtime } = createFakeRuntime();
  const events: ReanchorEvent[] = [];
  const { send, sent } = recordingSend(...answers);
  const source = bindFunctionTokenSource({ ...runtime, clock })(() => {
    made.reads++;
    return made.token;
  });
  const made: Authorized = {
    clock,
    source,
    events,
    sent,
    send: withCredentials(send, { token: source, clock, onEvent: (event) => events.push(event) }),
    token: "old",
    reads: 0,
  };
  await source.current();
  await clock.advance(1_000);
  return made;
}

describe("withCredentials()", () => {
  test("sends the token's current value", async () => {
    const made = await authorized(ok);
    expect(await made.send(outgoing("/api"))).toBe(ok);
    made.token = "new";
    await made.clock.advance(60_000);
    await made.send(outgoing("/api"));
    expect(made.sent.map(({ authorization }) => authorization)).toEqual([
      "Bearer old",
      "Bearer new",
    ]);
  });

  test("a caller's own header is kept, and its 401 reloads nothing", async () => {
    const refused = answer(401);
    const made = await authorized(refused);
    const headers = new Map([["authorization", "Basic c2VzYW1l"]]);
    expect(await made.send(outgoing("/api", { headers, authorized: true }))).toBe(refused);
    expect(made.sent.map(({ authorization }) => authorization)).toEqual(["Basic c2VzYW1l"]);
    expect(made.reads).toBe(1);
  });

  test("a 401 for an old token reloads it, and retries once with the new one", async () => {
    const refused = answer(401);
    const made = await authorized(refused, ok);
    made.token = "new";
    expect(await made.send(outgoing("/api/v1/pods?limit=1"))).toBe(ok);
    expect(made.sent.map(({ authorization }) => authorization)).toEqual([
      "Bearer old",
      "Bearer new",
    ]);
    expect(refused.discarded).toBe(true);
    expect(made.events).toEqual([
      { type: "retry", reason: "unauthorized", method: "GET", path: "/api/v1/pods", delayMs: 0 },
    ]);
  });

  test("a second 401, for the new token, is returned", async () => {
    const again = answer(401);
    const made = await authorized(answer(401), again);
    made.token = "new";
    expect(await made.send(outgoing("/api"))).toBe(again);
    expect(made.sent).toHaveLength(2);
    expect(made.reads).toBe(2);
    expect(again.discarded).toBe(false);
  });

  test("a 401 for an unchanged token is returned with its body", async () => {
    const refused = answer(401);
    const made = await authorized(refused);
    expect(await made.send(outgoing("/api"))).toBe(refused);
    expect(refused.discarded).toBe(false);
    expect(made.sent).toHaveLength(1);
    expect(made.reads).toBe(2);
    expect(made.events).toEqual([]);
  });

  test("a 401 for an unchanged token reads it at most once per cooldown", async () => {
    const made = await authorized(answer(401));
    const requests = Array.from({ length: 50 }, async () => await made.send(outgoing("/api")));
    await made.clock.advance(100);
    await Promise.all(requests);
    expect(made.reads).toBe(2);
  });

  test("a 401 for a token that was read since the request began does not reload it", async () => {
    const refused = answer(401);
    const made = await authorized(refused);
    await made.clock.advance(60_000); // So that the request itself reads the token.
    expect(await made.send(outgoing("/api"))).toBe(refused);
    expect(made.reads).toBe(2);
  });

  test("a 401 for a token that another request has reloaded meanwhile retries without a read", async () => {
    const refuse = async (): Promise<Answer> => {
      made.token = "new";
      await made.source.reload();
      return answer(401);
    };
    const made = await authorized(refuse, ok);
    expect(await made.send(outgoing("/api"))).toBe(ok);
    expect(made.sent[1]?.authorization).toBe("Bearer new");
    expect(made.reads).toBe(2);
  });

  test("a 401 for a static token is returned", async () => {
    const refused = answer(401);
    const { send, sent } = recordingSend(refused);
    const { clock } = createFakeRuntime();
    const authorize = withCredentials(send, { token: staticTokenSource("sesame"), clock });
    expect(await authorize(outgoing("/api"))).toBe(refused);
    expect(sent).toHaveLength(1);
  });

  test("a 401 keeps the old token, and is returned, when the reload fails", async () => {
    const refused = answer(401);
    const made = await authorized(refused);
    made.token = "";
    expect(await made.send(outgoing("/api"))).toBe(refused);
    expect(made.source.peek()).toBe("old");
  });

  test.each<[boolean, string, string]>([
    [true, "POST", "/api/v1/namespaces/default/pods"],
    [true, "GET", "/api/v1/namespaces/default/pods/web/proxy/healthz"],
    [true, "HEAD", "/api/v1/namespaces/default/services/web:80/proxy"],
    [false, "POST", "/api/v1/namespaces/default/pods/web/proxy/orders"],
    [false, "PUT", "/api/v1/namespaces/default/services/https:web:443/proxy/"],
    [false, "DELETE", "/api/v1/nodes/worker-1/proxy"],
    [true, "POST", "/api/v1/namespaces/default/pods/proxy"],
    [true, "POST", "/apis/example.com/v1/namespaces/default/proxies"],
  ])("a 401 retries: %s for %s %s", async (retries, method, path) => {
    const made = await authorized(answer(401), ok);
    made.token = "new";
    const { status } = await made.send(outgoing(path, { method }));
    expect(status).toBe(retries ? 200 : 401);
    expect(made.sent).toHaveLength(retries ? 2 : 1);
  });

  test("a 401 sends a string or bytes again, and a stream that has not been touched", async () => {
    for (const body of ["text", new Uint8Array([1]), streamOf("text")]) {
      const made = await authorized(answer(401), ok);
      made.token = "new";
      expect((await made.send(outgoing("/api", { method: "POST", body }))).status).toBe(200);
      expect(made.sent[1]?.request.body).toBe(body);
    }
  });

  test("a 401 is returned when the stream body has been read", async () => {
    const read = async ({ body }: OutgoingRequest): Promise<Answer> => {
      await new Response(body).text();
      return answer(401);
    };
    const made = await authorized(read, ok);
    made.token = "new";
    const request = outgoing("/api", { method: "POST", body: streamOf("text") });
    expect((await made.send(request)).status).toBe(401);
    expect(made.sent).toHaveLength(1);
    expect(made.reads).toBe(1);
  });

  test("an abort ends the wait for the reload at once", async () => {
    const made = await authorized(answer(401));
    await made.source.reload();
    await made.clock.advance(50); // Within the cooldown, and before the request.
    const controller = new AbortController();
    const request = watch(made.send(outgoing("/api", { signal: controller.signal })));
    await settle(made.clock);
    expect(made.clock.pending).toBe(1);
    controller.abort();
    await settle(made.clock);
    expect(request.error).toBe(controller.signal.reason);
    expect(made.clock.pending).toBe(0);
  });

  test("a token that was never loaded throws to the caller, and nothing is sent", async () => {
    const runtime = createFakeRuntime();
    const source = bindFunctionTokenSource(runtime)(() => "");
    const { send, sent } = recordingSend(ok);
    const authorize = withCredentials(send, { token: source, clock: runtime.clock });
    await expect(authorize(outgoing("/api"))).rejects.toMatchObject({
      code: "ERR_REANCHOR_SOURCE",
    });
    expect(sent).toEqual([]);
  });
});

test("withCredentials() never sends a token again that its source has discarded", async () => {
  const { clock, ...runtime } = createFakeRuntime();
  let token: string | undefined = "old";
  const gives = bindFunctionTokenSource({ ...runtime, clock })(() => "unused");
  const source: Source<string | undefined> = {
    ...gives,
    status: gives.status,
    current: async () => token,
    reload: async () => (token = undefined),
    peek: () => token,
    subscribe: () => () => {},
  };
  const { send, sent } = recordingSend(answer(401), ok);
  await withCredentials(send, { token: source, clock })(outgoing("/api"));
  expect(sent.map(({ authorization }) => authorization)).toEqual(["Bearer old", null]);
});
