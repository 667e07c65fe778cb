/**
 * How a rotating transport handles a connection that is lost before the response.
 *
 * @module
 */

import { describe, expect, test, vi } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import { FakeFailure, failing, inTurn } from "../support/fake-runtime.ts";
import { streamOf } from "../support/outgoing.ts";
import { type Rotation, createRotation } from "../support/rotation.ts";
import { watch } from "../support/scripted-source.ts";

/** A loaded bundle, so that the only timer is the one under test. */
async function loaded(): Promise<Rotation> {
  const rotation = createRotation();
  await rotation.source.current();
  return rotation;
}

function retries({ events }: Rotation): unknown[] {
  return events.filter(({ type }) => type === "retry");
}

describe("a connection that is lost before the response", () => {
  test.each(["GET", "HEAD", "OPTIONS"])("is retried once for %s", async (method) => {
    const rotation = await loaded();
    rotation.runtime.answer = inTurn(failing("lost"), () => new Response(null));
    const request = watch(rotation.post(null, { method }));
    await vi.waitUntil(() => rotation.runtime.clock.pending === 1);
    await rotation.runtime.clock.advance(50);
    await vi.waitUntil(() => request.settled);
    expect(request.value?.status).toBe(200);
    expect(retries(rotation)).toEqual([
      { type: "retry", reason: "connection-lost", method, path: "/api", delayMs: 50 },
    ]);
    expect(rotation.reads()).toBe(1);
  });

  test("throws a ConnectionError when it is lost again", async () => {
    const rotation = await loaded();
    rotation.runtime.answer = failing("lost");
    const request = watch(rotation.get());
    await vi.waitUntil(() => rotation.runtime.clock.pending === 1);
    await rotation.runtime.clock.advance(50);
    await vi.waitUntil(() => request.settled);
    expect(request.error).toBeInstanceOf(ConnectionError);
    expect(String(request.error)).toMatch(
      /GET https:\/\/10\.96\.0\.1\/api: .* again, after one retry$/,
    );
    expect(rotation.runtime.exchanges).toHaveLength(2);
  });

  test.each(["POST", "PUT", "PATCH", "DELETE"])(
    "is reported, not retried, for %s",
    async (method) => {
      const rotation = await loaded();
      rotation.runtime.answer = failing("lost");
      const lost = rotation.post("text", { method });
      await expect(lost).rejects.toThrow(ConnectionError);
      await expect(lost).rejects.toThrow(
        /may have acted on the request; look before you repeat it$/,
      );
      expect(rotation.runtime.exchanges).toHaveLength(1);
      expect(rotation.runtime.clock.pending).toBe(0);
    },
  );

  test("is retried once for any verb if the protocol proves that it was not processed", async () => {
    const rotation = await loaded();
    rotation.runtime.answer = inTurn(failing("not-processed"), () => new Response("{}"));
    const request = watch(rotation.post("text"));
    await vi.waitUntil(() => rotation.runtime.clock.pending === 1);
    await rotation.runtime.clock.advance(50);
    await vi.waitUntil(() => request.settled);
    expect(request.value?.status).toBe(200);
    expect(rotation.runtime.exchanges).toHaveLength(2);
  });

  test("is retried six times if each proves that it was not processed, and then reported", async () => {
    const rotation = await loaded();
    rotation.runtime.answer = failing("not-processed");
    const request = watch(rotation.post("text"));
    for (let retry = 1; retry <= 6; retry += 1) {
      await vi.waitUntil(() => rotation.runtime.clock.pending === 1);
      await rotation.runtime.clock.advance(50);
    }
    await vi.waitUntil(() => request.settled);
    expect(request.error).toBeInstanceOf(ConnectionError);
    expect(rotation.runtime.exchanges).toHaveLength(7);
  });

  test("is not retried if the stream body was touched", async () => {
    const rotation = await loaded();
    rotation.runtime.answer = async ({ body }) => {
      await new Response(body).text();
      throw new FakeFailure("not-processed");
    };
    await expect(rotation.post(streamOf("text"))).rejects.toThrow(ConnectionError);
    expect(rotation.runtime.exchanges).toHaveLength(1);
  });

  test("leaves no timer when it is aborted in the pause before the retry", async () => {
    const rotation = await loaded();
    rotation.runtime.answer = failing("lost");
    const controller = new AbortController();
    const request = watch(rotation.post(null, { method: "GET", signal: controller.signal }));
    await vi.waitUntil(() => rotation.runtime.clock.pending === 1);
    controller.abort();
    await vi.waitUntil(() => request.settled);
    expect(request.error).toBe(controller.signal.reason);
    expect(rotation.runtime.clock.pending).toBe(0);
  });
});
