/**
 * The requests of a client: the time limit for the response's headers, and how requests end.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { ClosedError, TimeoutError, UntrustedServerError } from "../../../src/errors.ts";
import { TrustWait } from "../../../src/rotation/trust-wait.ts";
// Loaded before the clock stands still, because loading a module takes real time.
import "../../../src/rotation/once-rejected.ts";
import type { TransportResponse } from "../../../src/runtime.ts";
import type { OutgoingRequest } from "../../../src/transport/request.ts";
import { withRetryAfter } from "../../../src/transport/retry-after.ts";
import type { RequestObserver } from "../../../src/transport/flight.ts";
import { InFlight } from "../../../src/transport/in-flight.ts";
import { bodyLimit } from "../../support/body-limit.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { untilAborted } from "../support/fake-runtime.ts";
import { answer, outgoing, recordingSend, streamOf } from "../support/outgoing.ts";
import { settle, watch } from "../support/scripted-source.ts";

test("a request without headers in time fails, and the error names it", async () => {
  const clock = new ManualClock();
  const inFlight = new InFlight(clock);
  const request = watch(
    inFlight.send(outgoing("/api?token=sesame", { timeoutMs: 500 }), untilAborted),
  );
  await clock.advance(499);
  expect(request.settled).toBe(false);
  await clock.advance(1);
  expect(request.error).toBeInstanceOf(TimeoutError);
  expect(request.error).toMatchObject({
    message: "Cannot GET https://10.96.0.1/api: no response headers came within 500 ms (timeoutMs)",
  });
  expect(clock.pending).toBe(0);
});

test("the time limit includes the waits between attempts", async () => {
  const clock = new ManualClock();
  const { send, sent } = recordingSend(answer(429, { "retry-after": "20" }));
  const limits = { maxWaitMs: 30_000 };
  const retrying = withRetryAfter(send, { ...limits, clock });
  const request = watch(new InFlight(clock).send(outgoing("/api", { timeoutMs: 5_000 }), retrying));
  await clock.advance(5_000);
  expect(request.error).toBeInstanceOf(TimeoutError);
  expect(sent).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

test("the time limit ends with the headers and does not apply to the body", async () => {
  const clock = new ManualClock();
  const { send, sent } = recordingSend(answer(200));
  await new InFlight(clock).send(outgoing("/api"), send);
  expect(clock.pending).toBe(0);
  await clock.advance(3_600_000);
  expect(sent[0]?.request.signal?.aborted).toBe(false);
});

test("a request is reported to have ended when its signal is aborted by whatever ends it", async () => {
  const clock = new ManualClock();
  const inFlight = new InFlight(clock);
  const ended: unknown[] = [];
  const failure = new ClosedError("closed");
  const { signal: callers } = new AbortController();

  function send(timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    return inFlight.send(outgoing("/api", { timeoutMs, signal }), (request) => {
      const { ending } = request;
      if (ending === undefined) ended.push("not reported");
      else ending.onEnd = () => ended.push(request.signal?.reason);
      return untilAborted(request);
    });
  }

  const requests = [send(500), send(1_000), send(1_000, callers)].map((sent) => watch(sent));
  await clock.advance(500);
  inFlight.close(failure);
  await settle(clock);
  const [late, closed, both] = requests.map(({ error }) => error);
  expect([late, closed, both]).toEqual([expect.any(TimeoutError), failure, failure]);
  // The caller's signal would end the third one too.
  expect(ended).toEqual(["not reported", late, failure]);
});

test("no timer is set if the limit is Infinity", async () => {
  const clock = new ManualClock();
  const request = outgoing("/api", { timeoutMs: Number.POSITIVE_INFINITY });
  void watch(new InFlight(clock).send(request, untilAborted));
  await settle(clock);
  expect(clock.pending).toBe(0);
});

test("a request that fails leaves no timer", async () => {
  const clock = new ManualClock();
  const failure = new Error("lost");
  const failing = (): Promise<never> => Promise.reject(failure);
  await expect(new InFlight(clock).send(outgoing("/api"), failing)).rejects.toBe(failure);
  expect(clock.pending).toBe(0);
});

describe("a request whose server is not trusted for a while", () => {
  /** Waiting requests. Their server is trusted once `trusted` says so. */
  function createScene(timeoutMs = 90_000) {
    const clock = new ManualClock();
    const observed: string[] = [];
    const scene = { clock, observed, trusted: false, sent: 0 };
    const trustWait = new TrustWait<URL>({
      clock,
      limitMs: 10_000,
      onEvent: undefined,
      renewal: () => ({
        hostOf: ({ host }) => host,
        canChange: () => true,
        fingerprint: () => "old",
        reload: () => new Promise(() => {}),
        probe: async () => scene.trusted,
      }),
    });
    trustWait.verified("10.96.0.1");
    const observer: RequestObserver = {
      answered: (_, status) => void observed.push(String(status)),
      failed: (error) => void observed.push((error as Error).name),
    };
    const inFlight = new InFlight(clock, { observer, trustWait });
    async function send(): Promise<TransportResponse> {
      scene.sent += 1;
      if (scene.trusted) return answer(200);
      const details = { reason: "unknown-authority", server: "https://10.96.0.1" } as const;
      throw new UntrustedServerError("Cannot trust it", { ...details, fingerprint: "old" });
    }
    return Object.assign(scene, {
      inFlight,
      post: (body: OutgoingRequest["body"]) =>
        watch(inFlight.send(outgoing("/api", { method: "POST", body, timeoutMs }), send)),
    });
  }

  test("is sent once it is trusted, and the first rejection is reported at once", async () => {
    const scene = createScene();
    const request = scene.post("{}");
    await scene.clock.advance(900);
    expect(scene).toMatchObject({ sent: 1, observed: ["UntrustedServerError"] });
    scene.trusted = true;
    await scene.clock.advance(100);
    expect(request.value?.status).toBe(200);
    expect(scene).toMatchObject({ sent: 2, observed: ["UntrustedServerError", "200"] });
    expect(scene.clock.pending).toBe(0);
  });

  test("fails at its time limit with an UntrustedServerError", async () => {
    const scene = createScene(3_000);
    const request = scene.post("{}");
    await scene.clock.advance(3_000);
    expect(request.error).toMatchObject({
      name: "UntrustedServerError",
      message: "Cannot trust it; it was not trusted within 3000 ms (timeoutMs)",
      waitedMs: 3_000,
    });
    expect(scene.clock.pending).toBe(0);
  });

  test("waits with an untouched stream, and fails at once with a touched one", async () => {
    const scene = createScene();
    const untouched = scene.post(streamOf("text"));
    const body = streamOf("text");
    body.getReader();
    const touched = scene.post(body);
    await settle(scene.clock);
    expect(untouched.settled).toBe(false);
    expect(touched.error).toMatchObject({ waitedMs: 0 });
  });

  test("ends at once when the client is closed", async () => {
    const scene = createScene();
    const request = scene.post("{}");
    await settle(scene.clock);
    scene.inFlight.close(new ClosedError());
    await settle(scene.clock);
    expect(request.error).toBeInstanceOf(ClosedError);
    expect(scene.clock.pending).toBe(0);
  });
});

describe("a caller's signal", () => {
  test("ends its request at once with its reason, even if the runtime ignores it, and leaves no timer", async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const { signal } = controller;
    const deaf = (): Promise<never> => new Promise(() => {});
    const request = watch(new InFlight(clock).send(outgoing("/api", { signal }), deaf));
    await settle(clock);
    controller.abort();
    await settle(clock);
    expect(request.error).toBe(signal.reason);
    expect(clock.pending).toBe(0);
  });

  test("that is already aborted sends nothing", async () => {
    const { send, sent } = recordingSend(answer(200));
    const request = outgoing("/api", { signal: AbortSignal.abort("before") });
    await expect(new InFlight(new ManualClock()).send(request, send)).rejects.toBe("before");
    expect(sent).toEqual([]);
  });

  test("ends the body too", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const { send, sent } = recordingSend(answer(200));
    await new InFlight(new ManualClock()).send(outgoing("/api", { signal }), send);
    controller.abort("enough");
    expect(sent[0]?.request.signal?.reason).toBe("enough");
  });
});

describe("close()", () => {
  test("ends waiting requests, leaves no timer, and then rejects new ones", async () => {
    const clock = new ManualClock();
    const { send } = recordingSend(answer(503, { "retry-after": "20" }));
    const limits = { maxWaitMs: 30_000 };
    const inFlight = new InFlight(clock);
    const retrying = withRetryAfter(send, { ...limits, clock });
    const timed = watch(inFlight.send(outgoing("/api", { timeoutMs: 60_000 }), retrying));
    const endless = watch(
      inFlight.send(outgoing("/api", { timeoutMs: Number.POSITIVE_INFINITY }), retrying),
    );
    await clock.advance(1_000);
    expect(clock.pending).toBe(3);

    const closed = new ClosedError();
    inFlight.close(closed);
    await clock.advance(0);
    expect(timed.error).toBe(closed);
    expect(endless.error).toBe(closed);
    expect(inFlight.closing.reason).toBe(closed);
    expect(clock.pending).toBe(0);
    await expect(inFlight.send(outgoing("/api"), retrying)).rejects.toBe(closed);
  });

  test("ends a body that is still arriving, but not one that is complete", async () => {
    const inFlight = new InFlight(new ManualClock());
    const [over, open] = [answer(200), answer(200)];
    const { send, sent } = recordingSend(over, open);
    await (await inFlight.send(outgoing("/over"), send)).text(bodyLimit());
    await inFlight.send(outgoing("/open"), send);
    const closed = new ClosedError();
    inFlight.close(closed);
    expect(sent.map(({ request }) => request.signal?.reason as unknown)).toEqual([
      undefined,
      closed,
    ]);
  });
});
