/**
 * Generations: each belongs to one snapshot of trust and has its own connections.
 *
 * @module
 */

import { describe, expect, test, vi } from "vitest";
import { ClosedError, SourceError } from "../../../src/errors.ts";
import { bindFunctionCaSource, staticCaSource } from "../../../src/sources/ca-source.ts";
import { anchorPem, certificatePem } from "../support/certificates.ts";
import {
  type FakeRuntimeOptions,
  createFakeRuntime,
  failing,
  inTurn,
  untilAborted,
} from "../support/fake-runtime.ts";
import { outgoing } from "../support/outgoing.ts";
import { type Rotation, createRotation, newCa, oldCa, openTransport } from "../support/rotation.ts";
import { settle, watch } from "../support/scripted-source.ts";

/** Lets the bundle age, and loads it. */
async function rotateTo({ runtime, source, write }: Rotation, pem: string): Promise<void> {
  write(pem);
  await runtime.clock.advance(60_000);
  await source.current();
}

/** Waits until a request has reached the runtime. Hashing takes turns that no clock counts. */
async function inFlight({ runtime }: Rotation): Promise<void> {
  await vi.waitUntil(() => runtime.exchanges.length > 0);
}

function types({ events }: Rotation): string[] {
  return events.map(({ type }) => type);
}

describe("Transport identity", () => {
  test("the same inputs share one transport", async () => {
    const rotation = createRotation();
    for (let request = 0; request < 10; request++) await rotation.get();
    await rotateTo(rotation, `# the same\r\n${oldCa}`);
    await rotation.get();
    expect(rotation.runtime.transports).toHaveLength(1);
    expect(rotation.runtime.transports[0]?.ca).toEqual([oldCa]);
    expect(types(rotation)).toEqual(["generation-opened", "ca-unchanged"]);
  });

  test("the first requests share one transport", async () => {
    const rotation = createRotation();
    await Promise.all(Array.from({ length: 32 }, rotation.get));
    expect(rotation.runtime.transports).toHaveLength(1);
    expect(rotation.reads()).toBe(1);
  });

  test("nothing is opened before the first request", async () => {
    const rotation = createRotation();
    await rotation.source.current();
    await rotateTo(rotation, newCa);
    expect(rotation.runtime.transports).toEqual([]);
    expect(rotation.transport.generations).toEqual([]);
  });

  test("other inputs get another transport, and the old one is retired without waiting for a request", async () => {
    const rotation = createRotation();
    await rotation.get();
    const [first] = rotation.runtime.transports;
    await rotateTo(rotation, newCa);
    expect(first?.retired).toBe(true);
    await rotation.get();
    expect(rotation.runtime.exchanges.map(({ transport }) => transport)).toEqual([1, 2]);
    expect(types(rotation)).toEqual([
      "generation-opened",
      "ca-reloaded",
      "generation-opened",
      "generation-retired",
    ]);
  });

  test("a trust that returns gets a generation of its own, and so its own sessions", async () => {
    const rotation = createRotation();
    await rotation.get();
    await rotateTo(rotation, newCa);
    await rotateTo(rotation, oldCa);
    await rotation.get();
    expect(rotation.runtime.transports).toHaveLength(3);
    expect(rotation.runtime.exchanges.at(-1)?.transport).toBe(3);
  });

  test("1,000 created and closed ones leave one, and none once it is closed", async () => {
    const rotation = createRotation();
    for (let serial = 1; serial <= 1_000; serial++) {
      rotation.write(anchorPem("kubernetes", serial));
      await rotation.get();
      const reloaded = rotation.source.reload();
      await rotation.runtime.clock.advance(100);
      await reloaded;
    }
    await settle(rotation.runtime.clock);
    const { transports } = rotation.runtime;
    expect(transports).toHaveLength(1_000);
    expect(transports.filter(({ retired }) => !retired)).toHaveLength(1);
    expect(rotation.transport.generations).toHaveLength(1);
    await rotation.transport.close();
    expect(transports.every(({ retired }) => retired)).toBe(true);
    expect(rotation.transport.generations).toEqual([]);
    expect(rotation.runtime.clock.pending).toBe(0);
  });

  test("no CA configured: the runtime's own trust, not an empty store", async () => {
    const runtime = createFakeRuntime();
    const transport = openTransport(runtime, {});
    await transport.send(outgoing("/api"));
    await transport.send(outgoing("/api"));
    expect(runtime.transports.map(({ ca }) => ca)).toEqual([undefined]);
    expect(transport.generations).toMatchObject([{ generation: 1, fingerprint: undefined }]);
  });

  test("generations have number, fingerprint, opening and retirement, the newest last", async () => {
    const rotation = createRotation();
    const first = await rotation.source.current();
    rotation.runtime.answer = untilAborted;
    const streaming = watch(rotation.get());
    await inFlight(rotation);
    expect(rotation.transport.generations).toEqual([
      {
        generation: 1,
        fingerprint: first.fingerprint,
        openedAt: rotation.runtime.clock.wallNow(),
        retired: false,
      },
    ]);
    await rotation.close();
    await settle(rotation.runtime.clock);
    expect(streaming.error).toBeInstanceOf(ClosedError);
  });
});

describe("a bundle that the runtime rejects", () => {
  test("throws to the caller when it is the first", async () => {
    const rotation = createRotation();
    rotation.runtime.refuses = () => true;
    const refused = rotation.get();
    await expect(refused).rejects.toThrow(SourceError);
    await expect(refused).rejects.toThrow(
      /^Cannot use CA bundle from function: node rejects it: a cert/,
    );
    expect(rotation.runtime.exchanges).toEqual([]);
  });

  test("keeps the old generation, and is reported once", async () => {
    const rotation = createRotation();
    await rotation.get();
    rotation.runtime.refuses = (ca) => ca?.includes(newCa) === true;
    await rotateTo(rotation, newCa);
    for (let request = 0; request < 5; request++) await rotation.get();
    expect(rotation.runtime.exchanges.every(({ transport }) => transport === 1)).toBe(true);
    expect(rotation.runtime.transports[0]?.retired).toBe(false);
    const failed = rotation.events.filter(({ type }) => type === "reload-failed");
    expect(failed).toMatchObject([
      { kind: "ca", source: "function", error: { reason: "invalid" }, retryInMs: Infinity },
    ]);
  });

  test("is replaced by one that it accepts", async () => {
    const rotation = createRotation();
    await rotation.get();
    rotation.runtime.refuses = (ca) => ca?.includes(newCa) === true;
    await rotateTo(rotation, newCa);
    await rotation.get();
    const third = anchorPem("kubernetes", 3);
    await rotateTo(rotation, third);
    await rotation.get();
    expect(rotation.runtime.transports.map(({ ca }) => ca)).toEqual([[oldCa], [third]]);
    expect(rotation.runtime.transports[0]?.retired).toBe(true);
  });
});

describe("anchors with the same name without key identifiers", () => {
  const one = certificatePem({ serial: 1 });
  const two = certificatePem({ serial: 2 });
  const options: FakeRuntimeOptions = { triesEveryAnchor: false };

  test("are tried one after the other if the runtime tries only the first", async () => {
    const rotation = createRotation({ runtime: options, pem: one + two });
    rotation.runtime.answer = inTurn(failing("unknown-authority"), () => new Response("{}"));
    expect((await rotation.get()).status).toBe(200);
    expect(rotation.runtime.transports.map(({ ca }) => ca)).toEqual([[one], [two]]);
    await rotation.get(); // With the anchor that verified the server last.
    expect(rotation.runtime.exchanges.map(({ transport }) => transport)).toEqual([1, 2, 2]);
    expect(rotation.transport.generations).toHaveLength(1);
    expect(rotation.reads()).toBe(1);
  });

  test("are tried together if the runtime tries them all", async () => {
    const rotation = createRotation({ pem: one + two });
    await rotation.get();
    expect(rotation.runtime.transports.map(({ ca }) => ca)).toEqual([[one, two]]);
  });

  test("are tried again only for an error that says that an anchor does not vouch for the server", async () => {
    for (const failure of ["wrong-host", "lost", "unreachable", "other"] as const) {
      const rotation = createRotation({ runtime: options, pem: one + two });
      rotation.runtime.answer = failing(failure);
      await expect(rotation.post("text")).rejects.toThrow();
      expect(rotation.runtime.exchanges.map(({ transport }) => transport)).toEqual([1]);
    }
  });

  test("are all retired together", async () => {
    const rotation = createRotation({ runtime: options, pem: one + two });
    await rotation.get();
    await rotateTo(rotation, newCa);
    expect(rotation.runtime.transports.map(({ retired }) => retired)).toEqual([true, true, false]);

    const closed = createRotation({ runtime: options, pem: one + two });
    await closed.get();
    await closed.transport.close();
    expect(closed.runtime.transports.map(({ retired }) => retired)).toEqual([true, true]);
  });
});

test("an observer's exception never fails a request", async () => {
  const runtime = createFakeRuntime();
  const transport = openTransport(
    runtime,
    { ca: bindFunctionCaSource(runtime)(() => oldCa) },
    {
      onEvent() {
        throw new Error("an observer's own");
      },
    },
  );
  expect((await transport.send(outgoing("/api"))).status).toBe(200);
});

test("a static CA never rotates, and is rejected like any other", async () => {
  const runtime = createFakeRuntime();
  const transport = openTransport(runtime, { ca: staticCaSource(oldCa) });
  runtime.answer = failing("unknown-authority");
  await expect(transport.send(outgoing("/api"))).rejects.toMatchObject({
    code: "ERR_REANCHOR_UNTRUSTED_SERVER",
    caSource: "memory",
  });
  expect(runtime.exchanges).toHaveLength(1);
});
