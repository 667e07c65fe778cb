/**
 * Waiting for trust, on a clock that stands still.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { type UntrustedReason, UntrustedServerError } from "../../../src/errors.ts";
import type { ReanchorEvent } from "../../../src/events.ts";
import { TrustWait, checkTrustWaitMs } from "../../../src/rotation/trust-wait.ts";
// Loaded before the clock stands still, because loading a module takes real time.
import "../../../src/rotation/once-rejected.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";
import { settle, watch } from "../support/scripted-source.ts";

const LIMIT_MS = 10_000;
const COOLDOWN_MS = 100;

interface Target {
  readonly host: string;
}

const here: Target = { host: "10.0.0.1:6443" };
const there: Target = { host: "10.0.0.2:6443" };

/** A client whose servers are trusted or not, as the test decides. */
function createScene({ limitMs = LIMIT_MS, canChange = true } = {}) {
  const clock = new ManualClock();
  const events: ReanchorEvent[] = [];
  const scene = {
    clock,
    events,
    /** The fingerprint of the bundle in use. */
    fingerprint: "old",
    /** The result of the next read. */
    bundle: "old",
    /** The result of a probe; `undefined` if it does not end. */
    trusted: false as boolean | "another host" | Error | undefined,
    /** The times at which the bundle was read, and at which a server was probed. */
    reads: [] as number[],
    probes: [] as number[],
    /** Aborted probes. */
    aborted: 0,
  };
  let readAt = Number.NEGATIVE_INFINITY;
  const waits = new TrustWait<Target>({
    clock,
    limitMs,
    onEvent: (event) => events.push(event),
    renewal: () => ({
      hostOf: ({ host }) => host,
      canChange: () => canChange,
      fingerprint: () => scene.fingerprint,
      async reload(signal) {
        const pauseMs = Math.max(0, readAt + COOLDOWN_MS - clock.now());
        await new Promise<void>((resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          clock.setTimeout(resolve, pauseMs);
        });
        readAt = clock.now();
        scene.reads.push(readAt);
        scene.fingerprint = scene.bundle;
      },
      async probe(_, signal) {
        scene.probes.push(clock.now());
        signal.addEventListener("abort", () => void (scene.aborted += 1));
        if (scene.trusted === undefined) return await new Promise<boolean>(() => {});
        if (scene.trusted instanceof Error) throw scene.trusted;
        if (scene.trusted === "another host") return undefined;
        return scene.trusted;
      },
    }),
  });

  function rejection(target = here, reason: UntrustedReason = "unknown-authority") {
    const { fingerprint } = scene;
    const details = { reason, server: `https://${target.host}`, caSource: "file", fingerprint };
    return new UntrustedServerError("Cannot trust it", details, { cause: "by TLS" });
  }

  return Object.assign(scene, {
    waits,
    rejection,
    /** A request that is rejected now, and succeeds once it may try again. */
    watched(target: Target | undefined = here, signal?: AbortSignal) {
      const request = waits.request(target, signal);
      return watch(request.wait(rejection(target)).finally(() => request.done()));
    },
    endings: () => events.filter(({ type }) => type === "waited-for-trust"),
    beginnings: () => events.filter(({ type }) => type === "waiting-for-trust"),
  });
}

describe("a request waits", () => {
  test("until a probe verifies the server with a new bundle", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    await scene.clock.advance(550);
    expect(waiting.settled).toBe(false);
    scene.bundle = "new";
    scene.trusted = true;
    await scene.clock.advance(COOLDOWN_MS);
    expect(waiting).toMatchObject({ settled: true, value: undefined });
    expect(scene.probes).toEqual([scene.reads.at(-1)]);
    expect(scene.events).toEqual([
      {
        type: "waiting-for-trust",
        server: "https://10.0.0.1:6443",
        reason: "unknown-authority",
        source: "file",
        limitMs: LIMIT_MS,
      },
      {
        type: "waited-for-trust",
        server: "https://10.0.0.1:6443",
        trusted: true,
        waitedMs: scene.reads.at(-1),
      },
    ]);
    expect(scene.waits.status).toEqual([]);
    expect(scene.clock.pending).toBe(0);
  });

  test("on when the bundle has changed and a probe still does not verify the server", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    scene.bundle = "other";
    await scene.clock.advance(500);
    expect(scene.probes).toHaveLength(1);
    scene.bundle = "new";
    scene.trusted = true;
    await scene.clock.advance(COOLDOWN_MS);
    expect(waiting.settled).toBe(true);
    expect(scene.probes).toHaveLength(2);
    expect(scene.beginnings()).toHaveLength(1);
  });

  test("until a probe verifies the server with the same bundle, once a second", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    await scene.clock.advance(3_500);
    expect(scene.probes).toEqual([1_000, 2_000, 3_000]);
    scene.trusted = true;
    await scene.clock.advance(500);
    expect(waiting.settled).toBe(true);
    expect(scene.probes).toHaveLength(4);
  });

  test("until another request succeeds, which triggers a probe at once", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    await scene.clock.advance(300);
    scene.trusted = true;
    scene.waits.verified(there.host);
    await settle(scene.clock);
    expect(waiting.settled).toBe(false);
    scene.waits.verified(here.host);
    await settle(scene.clock);
    expect(waiting.settled).toBe(true);
    expect(scene.probes).toEqual([300]);
  });

  test("with at most a probe each 100 ms while old connections still succeed", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    void scene.watched();
    for (let ms = 0; ms < 1_000; ms += 10) {
      await scene.clock.advance(10);
      scene.waits.verified(here.host);
      await settle(scene.clock);
    }
    expect(scene.probes.length).toBeLessThanOrEqual(11);
  });

  test("through failures of reads and probes", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    scene.trusted = new Error("unreachable");
    await scene.clock.advance(2_500);
    expect(scene.probes).toEqual([1_000, 2_000]);
    scene.trusted = true;
    await scene.clock.advance(500);
    expect(waiting.settled).toBe(true);
  });

  test("for no hanging probe: there is another each second, until the bundle changes", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    scene.trusted = undefined;
    await scene.clock.advance(3_500);
    expect(scene.probes).toEqual([1_000, 2_000, 3_000]);
    scene.bundle = "new";
    scene.trusted = true;
    await scene.clock.advance(COOLDOWN_MS);
    expect(waiting.settled).toBe(true);
    expect(scene.aborted).toBe(3);
  });

  test("with at most ten hanging probes, of which the oldest is ended", async () => {
    const scene = createScene({ limitMs: 60_000 });
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    scene.trusted = undefined;
    await scene.clock.advance(12_500);
    expect(scene.probes).toHaveLength(12);
    expect(scene.aborted).toBe(2);
    scene.trusted = true;
    await scene.clock.advance(1_000);
    expect(waiting.settled).toBe(true);
    expect(scene.aborted).toBe(12);
  });

  test("no longer when no bundle can help", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    scene.trusted = "another host";
    await scene.clock.advance(1_000);
    expect(waiting.settled).toBe(true);
    expect(scene.endings()).toMatchObject([{ trusted: false, waitedMs: 1_000 }]);
  });
});

describe("any number of requests", () => {
  test("share one reader, one prober and one event, and are released together", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = Array.from({ length: 200 }, () => scene.watched());
    await scene.clock.advance(5_000);
    expect(scene.reads.length).toBeLessThanOrEqual(51);
    expect(scene.probes).toHaveLength(5);
    expect(scene.waits.status).toEqual([
      {
        server: "https://10.0.0.1:6443",
        since: Date.parse("2026-01-01T00:00:00Z"),
        requests: 200,
      },
    ]);
    scene.bundle = "new";
    scene.trusted = true;
    await scene.clock.advance(COOLDOWN_MS);
    expect(waiting.every(({ settled }) => settled)).toBe(true);
    expect(scene.events).toHaveLength(2);
    expect(scene.clock.pending).toBe(0);
  });

  test("beyond 1,000 fail at once, and say so", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = Array.from({ length: 1_000 }, () => scene.watched());
    await settle(scene.clock);
    const beyond = scene.watched();
    await settle(scene.clock);
    expect(beyond.error).toMatchObject({
      name: "UntrustedServerError",
      message: "Cannot trust it; it did not wait for trust, since 1000 requests do",
      waitedMs: 0,
    });
    expect(waiting.some(({ settled }) => settled)).toBe(false);
  });

  test("to two servers wait separately for each", async () => {
    const scene = createScene();
    for (const { host } of [here, there]) scene.waits.verified(host);
    void scene.watched(here);
    void scene.watched(there);
    await settle(scene.clock);
    expect(scene.waits.status.map(({ server }) => server)).toEqual([
      "https://10.0.0.1:6443",
      "https://10.0.0.2:6443",
    ]);
  });
});

describe("a wait ends", () => {
  test("after trustWaitMs, with an error that says how long it was", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    await scene.clock.advance(LIMIT_MS - 1);
    expect(waiting.settled).toBe(false);
    await scene.clock.advance(1);
    expect(waiting.error).toBeInstanceOf(UntrustedServerError);
    expect(waiting.error).toMatchObject({
      message: "Cannot trust it; it was not trusted within 10000 ms (trustWaitMs)",
      reason: "unknown-authority",
      server: "https://10.0.0.1:6443",
      caSource: "file",
      fingerprint: "old",
      cause: "by TLS",
      waitedMs: LIMIT_MS,
    });
    expect(scene.endings()).toMatchObject([{ trusted: false, waitedMs: LIMIT_MS }]);
    expect(scene.clock.pending).toBe(0);
  });

  test("after trustWaitMs in total, however often the request is rejected", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const trusting = scene.waits.request(here, undefined);
    for (let round = 0; round < 3; round += 1) {
      const waiting = watch(trusting.wait(scene.rejection()));
      await scene.clock.advance(3_000);
      scene.trusted = true;
      await scene.clock.advance(1_000);
      scene.trusted = false;
      if (round < 2) expect(waiting).toMatchObject({ settled: true, value: undefined });
      else expect(waiting.error).toMatchObject({ waitedMs: LIMIT_MS });
    }
    await expect(trusting.wait(scene.rejection())).rejects.toMatchObject({ waitedMs: 12_000 });
  });

  test("at once when its signal is aborted, and the others continue", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const abort = new AbortController();
    const [one, other] = [scene.watched(here, abort.signal), scene.watched()];
    await scene.clock.advance(50);
    abort.abort("enough");
    await settle(scene.clock);
    expect(one.error).toBe("enough");
    expect(other.settled).toBe(false);
    expect(scene.waits.status).toMatchObject([{ requests: 1 }]);
    expect(scene.endings()).toEqual([]);
  });

  test("with everything that it has started when the last request leaves", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const abort = new AbortController();
    void scene.watched(here, abort.signal);
    scene.trusted = undefined;
    await scene.clock.advance(1_500);
    abort.abort("enough");
    await settle(scene.clock);
    expect(scene.aborted).toBe(1);
    expect(scene.endings()).toMatchObject([{ trusted: false, waitedMs: 1_500 }]);
    const [reads, probes] = [scene.reads.length, scene.probes.length];
    await scene.clock.advance(5_000);
    expect([scene.reads.length, scene.probes.length]).toEqual([reads, probes]);
  });

  test("at once when the config names another server", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    await settle(scene.clock);
    scene.waits.release();
    await settle(scene.clock);
    expect(waiting).toMatchObject({ settled: true, value: undefined });
    expect(scene.endings()).toMatchObject([{ trusted: false }]);
  });

  test("never when trustWaitMs is Infinity", async () => {
    const scene = createScene({ limitMs: Number.POSITIVE_INFINITY });
    scene.waits.verified(here.host);
    const waiting = scene.watched();
    await scene.clock.advance(3 * LIMIT_MS);
    expect(waiting.settled).toBe(false);
  });

  test("timedOut() returns the error of a waiting request, and of no other", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const trusting = scene.waits.request(here, undefined);
    expect(trusting.timedOut()).toBeUndefined();
    void watch(trusting.wait(scene.rejection()));
    await scene.clock.advance(700);
    expect(trusting.timedOut()).toMatchObject({
      message: "Cannot trust it; it was not trusted within 700 ms (timeoutMs)",
      waitedMs: 700,
    });
  });
});

describe("released requests", () => {
  /** A request that may try again at 1,000 ms. */
  async function letThrough() {
    const scene = createScene();
    scene.waits.verified(here.host);
    const request = scene.waits.request(here, undefined);
    const waiting = watch(request.wait(scene.rejection()));
    scene.trusted = true;
    await scene.clock.advance(1_000);
    expect(waiting).toMatchObject({ settled: true, value: undefined });
    expect(scene.waits.status).toEqual([]);
    return { scene, request };
  }

  test("continue the same wait if another server at the address rejects them", async () => {
    const { scene, request } = await letThrough();
    scene.trusted = false;
    const again = watch(request.wait(scene.rejection()));
    const other = scene.watched();
    await scene.clock.advance(900);
    expect(scene.waits.status).toMatchObject([{ requests: 2 }]);
    expect(scene.events).toHaveLength(1);
    scene.trusted = true;
    await scene.clock.advance(100);
    expect([again.settled, other.settled]).toEqual([true, true]);
    expect(scene.endings()).toEqual([]);
    await scene.clock.advance(50);
    request.done();
    expect(scene.beginnings()).toHaveLength(1);
    expect(scene.endings()).toMatchObject([{ trusted: true, waitedMs: 2_000 }]);
    expect(scene.clock.pending).toBe(0);
  });

  test("end the wait as unsuccessful if none of them is trusted", async () => {
    const { scene, request } = await letThrough();
    scene.trusted = false;
    const again = watch(request.wait(scene.rejection()).finally(() => request.done()));
    await scene.clock.advance(LIMIT_MS);
    expect(again).toMatchObject({ error: { waitedMs: LIMIT_MS } });
    expect(scene.beginnings()).toHaveLength(1);
    expect(scene.endings()).toMatchObject([{ trusted: false, waitedMs: LIMIT_MS }]);
    expect(scene.clock.pending).toBe(0);
  });

  test("end the wait after a second even if their responses take longer", async () => {
    const { scene, request } = await letThrough();
    expect(scene.endings()).toEqual([]);
    await scene.clock.advance(1_000);
    expect(scene.endings()).toMatchObject([{ trusted: true, waitedMs: 1_000 }]);
    expect(scene.clock.pending).toBe(0);
    request.done();
    expect(scene.endings()).toHaveLength(1);
  });
});

describe("a request does not wait", () => {
  test.each([
    ["when its server was never verified", {}, "unknown-authority", there],
    ["when neither bundle nor config can change", { canChange: false }, "unknown-authority", here],
    ["when trustWaitMs is 0", { limitMs: 0 }, "unknown-authority", here],
    ["for another host name", {}, "wrong-host", here],
  ] as const)("%s", async (_, options, reason, target) => {
    const scene = createScene(options);
    scene.waits.verified(here.host);
    const rejection = scene.rejection(target, reason);
    expect(scene.waits.mayWait(rejection, target)).toBe(false);
    await expect(scene.waits.request(target, undefined).wait(rejection)).rejects.toBe(rejection);
    expect(scene.events).toEqual([]);
  });

  test("when a newer bundle has arrived since its handshake began", async () => {
    const scene = createScene();
    scene.waits.verified(here.host);
    const rejection = scene.rejection();
    scene.fingerprint = "new";
    await scene.waits.request(here, undefined).wait(rejection);
    expect(scene.events).toEqual([]);
  });

  test("for the oldest of more than 1,000 servers", async () => {
    const scene = createScene();
    for (let number = 0; number <= 1_000; number += 1) scene.waits.verified(`${number}:443`);
    const known = (host: string): boolean => scene.waits.mayWait(scene.rejection(), { host });
    expect([known("0:443"), known("1:443"), known("1000:443")]).toEqual([false, true, true]);
  });
});

describe("a request to an unnamed server", () => {
  test("may try again once the bundle has changed or a server was verified", async () => {
    const scene = createScene();
    scene.waits.verified("");
    const rejection = scene.rejection();
    const one = watch(scene.waits.request(undefined, undefined).wait(rejection));
    await scene.clock.advance(2_000);
    expect(one.settled).toBe(false);
    scene.bundle = "new";
    await scene.clock.advance(COOLDOWN_MS);
    expect(one).toMatchObject({ settled: true, value: undefined });
    const other = watch(scene.waits.request(undefined, undefined).wait(scene.rejection()));
    await scene.clock.advance(200);
    expect(other.settled).toBe(false);
    scene.waits.verified("");
    await settle(scene.clock);
    expect(other.settled).toBe(true);
    expect(scene.probes).toEqual([]);
  });
});

test("checkTrustWaitMs() accepts 0 and Infinity, and defaults to 10 seconds", () => {
  expect(checkTrustWaitMs(undefined)).toBe(10_000);
  expect(checkTrustWaitMs(0)).toBe(0);
  expect(checkTrustWaitMs(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  expect(() => checkTrustWaitMs(-1)).toThrow(RangeError);
  expect(() => checkTrustWaitMs("1" as never)).toThrow(TypeError);
});
