/**
 * The lifetime of a runtime's own response.
 *
 * @module
 */

import { expect, test, vi } from "vitest";
import { handOver } from "../../../src/transport/response-lifetime.ts";

const readers = ["arrayBuffer", "bytes", "json", "text"] as const;

test.each(readers)(
  "reports that %s() has read it, afterwards, and returns the same result",
  async (name) => {
    const listener = vi.fn();
    const response = handOver(new Response('{"a":1}', { status: 201 }), listener);
    const reading = response[name]();
    expect(listener).not.toHaveBeenCalled();
    expect(await reading).toEqual(await new Response('{"a":1}')[name]());
    expect(listener).toHaveBeenCalledOnce();
    expect(response.status).toBe(201);
    expect(response.bodyUsed).toBe(true);
  },
);

test("reports that blob() and formData() have read it", async () => {
  const listener = vi.fn();
  const blob = await handOver(new Response("text"), listener).blob();
  expect(await blob.text()).toBe("text");
  expect(listener).toHaveBeenCalledOnce();
  const form = await handOver(new Response(new URLSearchParams({ a: "1" })), listener).formData();
  expect(form.get("a")).toBe("1");
  expect(listener).toHaveBeenCalledTimes(2);
});

test("reports a body that fails as well", async () => {
  const listener = vi.fn();
  const failure = new Error("lost");
  const broken = new ReadableStream({ start: (controller) => controller.error(failure) });
  await expect(handOver(new Response(broken), listener).text()).rejects.toBe(failure);
  expect(listener).toHaveBeenCalledOnce();
});

test("is still the same response for every caller", async () => {
  const own = new Response("text", { headers: { "x-a": "1" } });
  const response = handOver(own, () => {});
  expect(response).toBe(own);
  expect(response).toBeInstanceOf(Response);
  expect(response.headers.get("x-a")).toBe("1");
  expect(Object.getPrototypeOf(response)).toBe(Response.prototype);
  expect(await new Response(response.body, response).text()).toBe("text");
});

test("reports nothing once its body or a clone has been handed out, which may be read for longer", async () => {
  const listener = vi.fn();
  const taken = handOver(new Response("text"), listener);
  expect(await new Response(taken.body).text()).toBe("text");
  const cloned = handOver(new Response("text"), listener);
  const clone = cloned.clone();
  expect(await cloned.text()).toBe("text");
  expect(await clone.clone().text()).toBe("text");
  expect(await clone.text()).toBe("text");
  expect(listener).not.toHaveBeenCalled();
});
