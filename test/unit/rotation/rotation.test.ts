/**
 * The engine that rotates trust, independent of any runtime.
 *
 * @module
 */

import { describe, expect, test, vi } from "vitest";
import { ClosedError, ConnectionError } from "../../../src/errors.ts";
import type { ReanchorEvent } from "../../../src/events.ts";
import type { Failure, TlsSnapshot } from "../../../src/runtime.ts";
import { type Attempt, LateHandshakeError, Rotation } from "../../../src/rotation/rotation.ts";
import { checkTrustOptions } from "../../../src/rotation/trust-settings.ts";
import { bindFunctionCaSource } from "../../../src/sources/ca-source.ts";
import { certificatePem } from "../support/certificates.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";
import { settle } from "../support/scripted-source.ts";

const [first, second, third] = [1, 2, 3].map((serial) => certificatePem({ serial })) as [
  string,
  string,
  string,
];

interface Body {
  readonly snapshot: TlsSnapshot;
  isReleased: boolean;
}

interface Scene {
  readonly drainTimeoutMs?: number;
  readonly triesEveryAnchor?: boolean;
  /** Whether the runtime rejects a bundle. */
  readonly refuses?: (ca: readonly string[] | undefined) => boolean;
}

function createScene(pem: string, options: Scene = {}) {
  const { drainTimeoutMs = Infinity, triesEveryAnchor = true, refuses = () => false } = options;
  const runtime = createFakeRuntime({ triesEveryAnchor });
  const events: ReanchorEvent[] = [];
  const bodies: Body[] = [];
  let bundle = pem;
  const source = bindFunctionCaSource(runtime)(() => bundle, { cooldownMs: 0 });
  const fixed = { connectTimeoutMs: 10_000, exclusiveTrust: false, repeatsHeaders: false };
  const rotation = new Rotation<Body>({
    settings: checkTrustOptions(runtime, { ca: source }, fixed),
    runtime,
    drainTimeoutMs,
    onEvent: (event) => events.push(event),
    open(snapshot) {
      if (refuses(snapshot.ca)) throw new Error("unusable");
      const body = { snapshot, isReleased: false };
      bodies.push(body);
      return body;
    },
    async release(body) {
      body.isReleased = true;
    },
  });
  return {
    rotation,
    runtime,
    source,
    events,
    bodies,
    async rotateTo(next: string): Promise<void> {
      bundle = next;
      await source.reload();
    },
    write(next: string): void {
      bundle = next;
    },
    async begin(): Promise<Attempt<Body>> {
      await rotation.refresh(undefined);
      return rotation.begin();
    },
  };
}

function types(events: readonly ReanchorEvent[]): string[] {
  return events.map(({ type }) => type);
}

describe("next()", () => {
  test("returns the anchors that were not tried, then the result of a reload, then nothing", async () => {
    const { rotation, write, begin } = createScene(first + second, { triesEveryAnchor: false });
    const one = await begin();
    const two = await rotation.next(one, "unknown-authority", undefined);
    expect([one.body, two?.body].map((body) => body?.snapshot.ca)).toEqual([[first], [second]]);
    expect(two?.generation).toBe(one.generation);
    write(third);
    const three = await rotation.next(two ?? one, "unknown-authority", undefined);
    expect(three?.body.snapshot.ca).toEqual([third]);
    expect(three).toMatchObject({ newer: 1 });
    expect(await rotation.next(three ?? one, "unknown-authority", undefined)).toBeUndefined();
  });

  test.each<Failure>(["wrong-host", "lost", "unreachable", "other", "late-handshake"])(
    "returns nothing and reads nothing when the failure is %s",
    async (failure) => {
      const { rotation, write, begin, events } = createScene(first);
      const attempt = await begin();
      write(second);
      expect(await rotation.next(attempt, failure, undefined)).toBeUndefined();
      expect(types(events)).toEqual(["generation-opened"]);
    },
  );

  test("returns the current generation without a read if it is a newer one", async () => {
    const { rotation, rotateTo, begin, source } = createScene(first);
    const attempt = await begin();
    await rotateTo(second);
    const reload = vi.spyOn(source, "reload");
    const next = await rotation.next(attempt, "expired", undefined);
    expect(next?.body.snapshot.ca).toEqual([second]);
    expect(reload).not.toHaveBeenCalled();
  });

  test("returns nothing for a newer bundle that the runtime rejects", async () => {
    const refuses: Scene["refuses"] = (ca) => ca?.includes(second) === true;
    const { rotation, write, begin, bodies } = createScene(first, { refuses });
    const attempt = await begin();
    write(second);
    expect(await rotation.next(attempt, "unknown-authority", undefined)).toBeUndefined();
    expect(bodies).toHaveLength(1);
  });

  test("prefers the anchors that verified a server last", async () => {
    const { rotation, begin } = createScene(first + second, { triesEveryAnchor: false });
    const attempt = await begin();
    const next = await rotation.next(attempt, "unknown-authority", undefined);
    rotation.verified(next ?? attempt);
    expect(rotation.begin().body.snapshot.ca).toEqual([second]);
  });
});

describe("verifies()", () => {
  test("tries each group of anchors, and prefers the one that verified the server", async () => {
    const { rotation, begin } = createScene(first + second, { triesEveryAnchor: false });
    await begin();
    const tried: unknown[] = [];
    const probe = async ({ body }: Attempt<Body>): Promise<void> => {
      tried.push(body.snapshot.ca);
      if (body.snapshot.ca?.includes(second) !== true) throw new Error("rejected");
    };
    expect(await rotation.verifies(probe)).toBe(true);
    expect(tried).toEqual([[first], [second]]);
    expect(rotation.begin().body.snapshot.ca).toEqual([second]);
    expect(await rotation.verifies(() => Promise.reject(new Error("rejected")))).toBe(false);
  });
});

describe("canChange() and fingerprint()", () => {
  test("distinguish a bundle that was passed in from one that is read", async () => {
    const { rotation, begin } = createScene(first);
    expect(rotation.canChange()).toBe(true);
    expect(rotation.fingerprint()).toBeUndefined();
    expect((await begin()).generation.trust.bundle?.fingerprint).toBe(rotation.fingerprint());
    await rotation.close();
    expect(rotation.fingerprint()).toBeUndefined();
  });
});

describe("begin()", () => {
  test("keeps an attempt as long as its generation is the current one", async () => {
    const { rotation, rotateTo, begin } = createScene(first);
    const attempt = await begin();
    expect(rotation.begin(attempt)).toBe(attempt);
    await rotateTo(second);
    const later = rotation.begin({ ...attempt, newer: 3 });
    expect(later.body.snapshot.ca).toEqual([second]);
    expect(later.newer).toBe(3);
  });
});

describe("confirm() and late()", () => {
  test("reject once the trust has changed, and never before that", async () => {
    const { rotation, rotateTo, begin } = createScene(first);
    const { trust } = (await begin()).generation;
    await rotation.confirm(trust);
    expect(rotation.late(trust)).toBeUndefined();
    await rotateTo(first + second);
    await expect(rotation.confirm(trust)).rejects.toThrow(LateHandshakeError);
    expect(rotation.late(trust)).toBeInstanceOf(LateHandshakeError);
    await rotateTo(first);
    expect(rotation.late(trust)).toBeUndefined();
  });

  test("confirm() reloads what has aged", async () => {
    const { rotation, runtime, write, begin } = createScene(first);
    const { trust } = (await begin()).generation;
    write(second);
    await runtime.clock.advance(59_999);
    await rotation.confirm(trust);
    await runtime.clock.advance(1);
    await expect(rotation.confirm(trust)).rejects.toThrow(LateHandshakeError);
  });

  test("return the reason of close()", async () => {
    const { rotation, begin } = createScene(first);
    const { trust } = (await begin()).generation;
    const reason = new ClosedError();
    await rotation.close(reason);
    await expect(rotation.confirm(trust)).rejects.toBe(reason);
  });

  test("hasRemovedAnchorOf() distinguishes a removed anchor from an added one", async () => {
    const { rotation, rotateTo, begin } = createScene(first);
    const { trust } = (await begin()).generation;
    await rotateTo(first + second);
    expect(rotation.hasRemovedAnchorOf(trust)).toBe(false);
    await rotateTo(second);
    expect(rotation.hasRemovedAnchorOf(trust)).toBe(true);
  });
});

describe("a generation", () => {
  test("uses the runtime's clock", async () => {
    const { rotation, runtime, begin } = createScene(first);
    await runtime.clock.advance(1_234);
    await begin();
    expect(rotation.generations).toMatchObject([{ openedAt: runtime.clock.wallNow() }]);
  });

  test("is kept and listed until its requests have ended", async () => {
    const { rotation, rotateTo, begin, bodies, runtime } = createScene(first);
    const { generation } = await begin();
    const retired = vi.fn();
    rotation.onRetired(retired);
    const ended = generation.carry(() => {});
    await rotateTo(second);
    expect(retired).toHaveBeenCalledExactlyOnceWith(generation);
    expect(bodies).toMatchObject([{ isReleased: true }, { isReleased: false }]);
    expect(rotation.generations).toMatchObject([{ retired: true }, { retired: false }]);
    ended();
    await settle(runtime.clock);
    expect(rotation.generations).toMatchObject([{ generation: 2 }]);
  });

  test("ends its requests at drainTimeoutMs, and leaves no timer", async () => {
    const { rotation, rotateTo, begin, runtime } = createScene(first, { drainTimeoutMs: 5_000 });
    const { generation } = await begin();
    const end = vi.fn();
    generation.carry(end);
    generation.carry(() => {})();
    await rotateTo(second);
    await runtime.clock.advance(4_999);
    expect(end).not.toHaveBeenCalled();
    await runtime.clock.advance(1);
    expect(end).toHaveBeenCalledOnce();
    expect(end.mock.calls[0]?.[0]).toBeInstanceOf(ConnectionError);
    await settle(runtime.clock);
    expect(runtime.clock.pending).toBe(0);
    expect(rotation.generations).toHaveLength(1);
  });

  test("ends its requests with the reason of close()", async () => {
    const { rotation, rotateTo, begin } = createScene(first);
    const { generation } = await begin();
    const [old, present] = [vi.fn(), vi.fn()];
    generation.carry(old);
    await rotateTo(second);
    rotation.begin().generation.carry(present);
    const reason = new ClosedError();
    await rotation.close(reason);
    expect(old).toHaveBeenCalledExactlyOnceWith(reason);
    expect(present).toHaveBeenCalledExactlyOnceWith(reason);
    expect(rotation.generations).toEqual([]);
    expect(() => rotation.pick()).toThrow(reason);
  });
});

describe("retire()", () => {
  test("lets those begin that belong to no other generation, with one that is retired at once", async () => {
    const { rotation, begin, write, source } = createScene(first);
    await begin();
    void rotation.retire();
    expect(rotation.pick().retired).toBe(true);
    write(second);
    await source.reload();
    const later = rotation.pick();
    expect(later.trust.bundle?.certificates).toEqual([second]);
    expect(later.retired).toBe(true);
  });
});
