/**
 * How a rotating transport handles a rejected server, and errors that no retry can fix.
 *
 * @module
 */

import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { ConnectionError, UntrustedServerError } from "../../../src/errors.ts";
import { FakeFailure, failing, inTurn } from "../support/fake-runtime.ts";
import { streamOf } from "../support/outgoing.ts";
import { type Rotation, createRotation, newCa, oldCa } from "../support/rotation.ts";
import { watch } from "../support/scripted-source.ts";

/** A server with a certificate of the new CA, and a bundle that is still the old one. */
async function rotated(): Promise<Rotation> {
  const rotation = createRotation();
  await rotation.source.current();
  await rotation.runtime.clock.advance(1_000); // Longer than the cooldown.
  rotation.runtime.answer = ({ transport }) => {
    const { ca } = rotation.runtime.transports[transport - 1] ?? {};
    if (ca?.includes(newCa) !== true) throw new FakeFailure("unknown-authority");
    return new Response("{}");
  };
  return rotation;
}

function retries({ events }: Rotation): unknown[] {
  return events.filter(({ type }) => type === "retry");
}

describe("an untrusted server", () => {
  test("reloads the bundle, and retries once if it has changed", async () => {
    const rotation = await rotated();
    rotation.write(oldCa + newCa);
    expect((await rotation.get()).status).toBe(200);
    expect(rotation.reads()).toBe(2);
    expect(rotation.runtime.exchanges.map(({ transport }) => transport)).toEqual([1, 2]);
    expect(retries(rotation)).toEqual([
      { type: "retry", reason: "untrusted-server", method: "GET", path: "/api", delayMs: 0 },
    ]);
  });

  test("retries any verb, with a string, bytes or an untouched stream", async () => {
    for (const body of ["text", new Uint8Array([1]), streamOf("text")]) {
      const rotation = await rotated();
      rotation.write(newCa);
      expect((await rotation.post(body)).status).toBe(200);
      expect(rotation.runtime.exchanges[1]?.body).toBe(body);
    }
  });

  test("is reported, and the request not sent in two parts, when the stream was touched", async () => {
    const rotation = await rotated();
    rotation.write(newCa);
    const { answer } = rotation.runtime;
    rotation.runtime.answer = async (exchange) => {
      await new Response(exchange.body).text();
      return await answer(exchange);
    };
    const refused = rotation.post(streamOf("text"));
    await expect(refused).rejects.toThrow(UntrustedServerError);
    await expect(refused).rejects.toThrow(
      /the CA bundle has changed since, but .* send the request again/,
    );
    expect(rotation.runtime.exchanges).toHaveLength(1);
    expect((await rotation.get()).status).toBe(200); // The reload was still useful.
  });

  test("retries at once, without reading, if a newer bundle has been loaded meanwhile", async () => {
    const rotation = await rotated();
    rotation.write(newCa);
    const { answer } = rotation.runtime;
    rotation.runtime.answer = async (exchange) => {
      if (exchange.transport === 1) await rotation.source.reload();
      return await answer(exchange);
    };
    expect((await rotation.get()).status).toBe(200);
    expect(rotation.reads()).toBe(2); // The other request's read.
  });

  test("reads once for 100 requests that fail together", async () => {
    const rotation = await rotated();
    rotation.write(newCa);
    const responses = await Promise.all(Array.from({ length: 100 }, rotation.get));
    expect(responses.every(({ status }) => status === 200)).toBe(true);
    expect(rotation.reads()).toBe(2);
  });

  test("reads again if the newer bundle is rejected too, and stops if it has not changed", async () => {
    const rotation = await rotated();
    rotation.runtime.answer = failing("unknown-authority");
    rotation.write(newCa);
    const outcome = expect(rotation.get()).rejects.toThrow(UntrustedServerError);
    await rotation.runtime.clock.advance(100); // The cooldown.
    await outcome;
    expect(rotation.reads()).toBe(3);
    expect(rotation.runtime.exchanges).toHaveLength(2);
  });

  test("continues while rotations follow one another, up to six", async () => {
    const rotation = await rotated();
    const bundles = [newCa, oldCa, `${oldCa}${newCa}`];
    let attempts = 0;
    rotation.runtime.answer = async () => {
      rotation.write(bundles[attempts % bundles.length] ?? "");
      attempts += 1;
      throw new FakeFailure("unknown-authority");
    };
    const outcome = expect(rotation.get()).rejects.toThrow(UntrustedServerError);
    // Reading a bundle takes the runtime a few turns, whatever the clock says.
    for (let turn = 0; attempts < 7 && turn < 1_000; turn += 1) {
      await rotation.runtime.clock.advance(100);
    }
    await outcome;
    expect(attempts).toBe(7);
  });

  test("reads once more if a bundle that was loaded meanwhile is rejected as well", async () => {
    const rotation = await rotated();
    const third = `${oldCa}${newCa}`;
    rotation.runtime.answer = inTurn(
      async () => {
        rotation.write(newCa);
        await rotation.source.reload();
        throw new FakeFailure("unknown-authority");
      },
      async () => {
        rotation.write(third);
        await rotation.runtime.clock.advance(100);
        throw new FakeFailure("unknown-authority");
      },
      () => new Response("{}"),
    );
    expect((await rotation.get()).status).toBe(200);
    expect(rotation.runtime.transports.map(({ ca }) => ca)).toEqual([
      [oldCa],
      [newCa],
      [oldCa, newCa],
    ]);
    expect(rotation.reads()).toBe(3);
  });

  test("waits for the cooldown, so that it sees what was written just now", async () => {
    const rotation = await rotated();
    await expect(rotation.get()).rejects.toThrow(UntrustedServerError);
    rotation.write(newCa);
    const request = watch(rotation.get());
    await vi.waitUntil(() => rotation.runtime.clock.pending === 1);
    await rotation.runtime.clock.advance(99);
    expect(rotation.reads()).toBe(2);
    await rotation.runtime.clock.advance(1);
    await vi.waitUntil(() => request.settled);
    expect(request.value?.status).toBe(200);
    expect(rotation.runtime.clock.pending).toBe(0);
  });

  test("stops waiting at once when it is aborted in the cooldown, and leaves no timer", async () => {
    const rotation = await rotated();
    await expect(rotation.get()).rejects.toThrow(UntrustedServerError);
    const controller = new AbortController();
    const request = watch(rotation.post("text", { signal: controller.signal }));
    await vi.waitUntil(() => rotation.runtime.clock.pending === 1);
    controller.abort(new Error("enough"));
    await vi.waitUntil(() => request.settled);
    expect(request.error).toBe(controller.signal.reason);
    expect(rotation.runtime.clock.pending).toBe(0);
    expect(rotation.reads()).toBe(2);
  });

  test("names the trusted CA, its source and its age, and what to check", async () => {
    const rotation = await rotated();
    const { fingerprint, anchors } = await rotation.source.current();
    const error: unknown = await rotation.get().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: "UntrustedServerError",
      reason: "unknown-authority",
      server: "https://10.96.0.1",
      caSource: "function",
      fingerprint,
      cause: { name: "FakeFailure", message: "fake failure: unknown-authority" },
    });
    expect(String(error)).toContain(`CN=kubernetes sha256:${anchors[0]?.fingerprint.slice(0, 16)}`);
    expect(String(error)).toMatch(
      / from function, read 0 ms ago; check that this is where the CA arrives/,
    );
    expect(inspect(error, { depth: 9 })).not.toMatch(/BEGIN CERTIFICATE|sesame/);
    expect(retries(rotation)).toEqual([]);
  });

  test("says that the last reload failed when it did", async () => {
    const rotation = await rotated();
    rotation.write("not a bundle");
    await expect(rotation.get()).rejects.toThrow(
      /last reload failed: Cannot load CA bundle from function/,
    );
  });

  test("reloads for an expired anchor too, because its renewal may be there", async () => {
    const rotation = await rotated();
    rotation.runtime.answer = inTurn(failing("expired"), () => new Response("{}"));
    rotation.write(newCa);
    expect((await rotation.get()).status).toBe(200);
    const other = await rotated();
    other.runtime.answer = failing("expired");
    await expect(other.get()).rejects.toMatchObject({ reason: "expired" });
    expect(other.reads()).toBe(2);
    expect(other.runtime.exchanges).toHaveLength(1);
  });

  test("never reloads for a wrong host name, and names the host", async () => {
    const rotation = await rotated();
    rotation.runtime.answer = failing("wrong-host");
    rotation.write(newCa);
    const refused = rotation.get();
    await expect(refused).rejects.toMatchObject({ reason: "wrong-host" });
    await expect(refused).rejects.toThrow(/valid for other names than 10\.96\.0\.1/);
    expect(rotation.reads()).toBe(1);
    expect(rotation.runtime.exchanges).toHaveLength(1);
  });
});

test.each(["unreachable", "other"] as const)(
  "a %s error is a ConnectionError at once",
  async (failure) => {
    const rotation = createRotation();
    rotation.runtime.answer = failing(failure);
    const failed = rotation.get();
    await expect(failed).rejects.toThrow(ConnectionError);
    await expect(failed).rejects.toThrow(
      `Cannot GET https://10.96.0.1/api: fake failure: ${failure}`,
    );
    await expect(failed).rejects.toMatchObject({
      cause: { name: "FakeFailure", message: `fake failure: ${failure}` },
    });
    expect(rotation.runtime.exchanges).toHaveLength(1);
  },
);

test("an error is explained by its innermost cause", async () => {
  const rotation = createRotation();
  rotation.runtime.answer = () => {
    throw new TypeError("fetch failed", { cause: new Error("at the bottom") });
  };
  await expect(rotation.get()).rejects.toThrow(/api: at the bottom$/);
});

test("an aborted request fails with the signal's reason, whatever the runtime throws", async () => {
  const rotation = createRotation();
  const controller = new AbortController();
  rotation.runtime.answer = () => {
    controller.abort(new Error("enough"));
    throw new FakeFailure("unknown-authority");
  };
  const request = rotation.post("text", { signal: controller.signal });
  await expect(request).rejects.toThrow("enough");
  expect(rotation.reads()).toBe(1);
});

test("a request that was aborted before sends nothing", async () => {
  const rotation = createRotation();
  const reason = new Error("enough");
  const request = rotation.post("text", { signal: AbortSignal.abort(reason) });
  await expect(request).rejects.toBe(reason);
  expect(rotation.runtime.exchanges).toEqual([]);
  expect(rotation.reads()).toBe(0);
});
