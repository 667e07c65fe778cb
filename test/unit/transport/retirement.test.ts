/**
 * The end of a generation: the client closes it, or it drains after its trust was replaced.
 *
 * @module
 */

import { bodyLimit } from "../../support/body-limit.ts";
import { describe, expect, test, vi } from "vitest";
import { ClosedError, ConnectionError } from "../../../src/errors.ts";
import { FakeFailure, inTurn, untilAborted } from "../support/fake-runtime.ts";
import { type Rotation, createRotation, newCa } from "../support/rotation.ts";
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

describe("close()", () => {
  test("ends a request in flight with a ClosedError", async () => {
    const rotation = createRotation();
    rotation.runtime.answer = untilAborted;
    const request = watch(rotation.get());
    await inFlight(rotation);
    await rotation.close();
    await settle(rotation.runtime.clock);
    expect(request.error).toBeInstanceOf(ClosedError);
    expect(rotation.runtime.transports).toMatchObject([{ retired: true }]);
    expect(rotation.transport.generations).toEqual([]);
  });

  test("ends a request even if its runtime ignores the abort and continues", async () => {
    const rotation = createRotation();
    rotation.runtime.answer = async () => {
      await rotation.close();
      throw new FakeFailure("unknown-authority");
    };
    await expect(rotation.get()).rejects.toThrow(ClosedError);
    expect(rotation.reads()).toBe(1);
  });

  test("rejects later requests, and may be called again", async () => {
    const rotation = createRotation();
    await rotation.get();
    await rotation.close();
    await rotation.close();
    await expect(rotation.get()).rejects.toThrow(ClosedError);
    expect(rotation.runtime.transports).toHaveLength(1);
    expect(types(rotation)).toEqual(["generation-opened", "generation-retired"]);
  });

  test("stops listening to the source, which others may still use", async () => {
    const rotation = createRotation();
    await rotation.get();
    await rotation.close();
    const { length } = rotation.events;
    await rotateTo(rotation, newCa);
    expect(rotation.runtime.transports).toHaveLength(1);
    expect(rotation.events).toHaveLength(length);
  });

  test("leaves no timer, even if a body was never read and there is a drain time", async () => {
    const rotation = createRotation({ drainTimeoutMs: 60_000 });
    await rotation.get();
    await rotation.close();
    await settle(rotation.runtime.clock);
    expect(rotation.runtime.clock.pending).toBe(0);
  });
});

describe("drainTimeoutMs", () => {
  test("ends the requests of a retired generation once it has passed, and not before", async () => {
    const rotation = createRotation({ drainTimeoutMs: 5_000 });
    rotation.runtime.answer = inTurn(untilAborted, () => new Response("{}"));
    const old = watch(rotation.post("text"));
    await inFlight(rotation);
    await rotateTo(rotation, newCa);
    expect(rotation.runtime.clock.pending).toBe(1);
    await rotation.runtime.clock.advance(4_999);
    expect(old.settled).toBe(false);
    await rotation.runtime.clock.advance(1);
    expect(old.error).toBeInstanceOf(ConnectionError);
    expect(String(old.error)).toContain("drainTimeoutMs (5000 ms)");
    expect(rotation.runtime.clock.pending).toBe(0);
  });

  test("sets no timer when nothing is in flight", async () => {
    const rotation = createRotation({ drainTimeoutMs: 5_000 });
    await (await rotation.get()).text(bodyLimit());
    await rotateTo(rotation, newCa);
    expect(rotation.runtime.clock.pending).toBe(0);
  });

  test("sets a timer that ends with the last body, however that ends", async () => {
    const rotation = createRotation({ drainTimeoutMs: 5_000 });
    const read = (await rotation.get()).toResponse();
    const cancelled = (await rotation.get()).toResponse();
    const discarded = await rotation.get();
    await rotateTo(rotation, newCa);
    expect(rotation.runtime.clock.pending).toBe(1);
    await read.text();
    await cancelled.body?.cancel();
    expect(rotation.runtime.clock.pending).toBe(1);
    await discarded.discard();
    expect(rotation.runtime.clock.pending).toBe(0);
  });

  test("does not limit bodies when it is Infinity", async () => {
    const rotation = createRotation();
    const { body } = (await rotation.get()).toResponse();
    await rotateTo(rotation, newCa);
    expect(rotation.runtime.clock.pending).toBe(0);
    await rotation.runtime.clock.advance(86_400_000);
    expect(await new Response(body).text()).toBe("{}");
  });
});
