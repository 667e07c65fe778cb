/**
 * The body of a response as it arrives.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { expect, onTestFinished, test, vi } from "vitest";
import { ReceivedBody } from "../../../src/transport/received-body.ts";
import { BodyTooLargeError } from "../../../src/transport/read-text.ts";
import { bodyLimit } from "../../support/body-limit.ts";

/** A copy in its own buffer, as sockets read it. */
function chunk(bytes: Uint8Array): Buffer<ArrayBuffer> {
  return Buffer.from(new Uint8Array(bytes).buffer);
}

function open() {
  const flow = { pause: vi.fn(), resume: vi.fn(), abort: vi.fn() };
  return { flow, body: new ReceivedBody(flow) };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Delivers a text in pieces that are split inside its characters. */
async function arrive(body: ReceivedBody, text: string, pieceBytes: number): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    body.push(chunk(bytes.subarray(at, at + pieceBytes)));
    await turn();
  }
}

test("text() returns what has arrived in full, without its byte order mark", async () => {
  const { body } = open();
  body.push(chunk(new TextEncoder().encode("\ufeffÄÖ")));
  body.end();
  expect(await body.text(bodyLimit())).toBe("ÄÖ");
});

test("stream() gives bytes that are no Buffer", async () => {
  const { body } = open();
  body.push(chunk(Uint8Array.of(1, 2, 3)).subarray(1));
  body.end();
  const { value: bytes } = await body.stream().getReader().read();
  expect(bytes?.constructor).toBe(Uint8Array);
  expect(bytes).toEqual(Uint8Array.of(2, 3));
});

test("text() returns an empty text for an empty body", async () => {
  const { body } = open();
  body.end();
  expect(await body.text(bodyLimit())).toBe("");
});

test.each([3, 64 * 1024 + 1])(
  "text() returns a text that arrives in pieces of %d bytes",
  async (size) => {
    const text = "\ufeff" + "aÄ漢😀".repeat(size === 3 ? 100 : 100_000);
    const { body, flow } = open();
    const reading = body.text(bodyLimit());
    await arrive(body, text, size);
    body.end();
    expect((await reading) === text.slice(1)).toBe(true);
    expect(flow.resume).toHaveBeenCalled();
    expect(flow.abort).not.toHaveBeenCalled();
  },
);

test("text() does not modify its chunks, which may have other users", async () => {
  const { body } = open();
  const [first, last] = [chunk(new Uint8Array(300_000).fill(97)), chunk(new Uint8Array([98]))];
  const reading = body.text(bodyLimit());
  body.push(first);
  await turn();
  body.push(last);
  body.end();
  expect(await reading).toHaveLength(300_001);
  expect(first).toHaveLength(300_000);
  expect(first[0]).toBe(97);
  expect(last[0]).toBe(98);
});

test("text() throws the error that ended the body", async () => {
  const { body } = open();
  const reading = body.text(bodyLimit());
  await arrive(body, "half", 2);
  const failure = new Error("lost");
  body.end(failure);
  await expect(reading).rejects.toBe(failure);
});

test("text() cancels what exceeds its limit, and throws or truncates", async () => {
  for (const cutsRest of [true, false]) {
    const { body, flow } = open();
    const reading = Promise.allSettled([body.text(bodyLimit({ maxBytes: 3, cutsRest }))]);
    await arrive(body, "abcd", 2);
    const [outcome] = await reading;
    if (cutsRest) expect(outcome).toMatchObject({ value: "abc" });
    else expect(outcome).toMatchObject({ reason: expect.any(BodyTooLargeError) });
    expect(flow.abort).toHaveBeenCalledOnce();
  }
});

test("text() returns no more than its limit of a body that has arrived in full", async () => {
  for (const cutsRest of [true, false]) {
    const { body } = open();
    body.push(chunk(new TextEncoder().encode("abcd")));
    body.end();
    const reading = body.text(bodyLimit({ maxBytes: 3, cutsRest }));
    if (cutsRest) expect(await reading).toBe("abc");
    else await expect(reading).rejects.toBeInstanceOf(BodyTooLargeError);
  }
});

test("text() reports each piece that it waits for, and none that was already there", async () => {
  const { body } = open();
  body.push(chunk(new Uint8Array(5)));
  const onPiece = vi.fn();
  const reading = body.text(bodyLimit({ onPiece }));
  await arrive(body, "abcd", 2);
  body.end();
  await reading;
  expect(onPiece.mock.calls).toEqual([[2], [2]]);
});

test("stream() gives pieces that have come together in one read, in order", async () => {
  const { body } = open();
  const reader = body.stream().getReader();
  const encoder = new TextEncoder();
  const first = reader.read();
  for (const text of ["a", "bc", "d"]) body.push(chunk(encoder.encode(text)));
  const whole = chunk(encoder.encode("e"));
  expect(new TextDecoder().decode((await first).value)).toBe("abcd");
  body.push(whole);
  // A single one is not copied.
  expect((await reader.read()).value?.buffer).toBe(whole.buffer);
  body.end();
  expect((await reader.read()).done).toBe(true);
});

test("discard() does not wait for an end that never comes", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { body, flow } = open();
  const discarding = body.discard(1_000, 500);
  await vi.advanceTimersByTimeAsync(499);
  expect(flow.abort).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  await discarding;
  expect(flow.abort).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
});

test("stream() pauses for many small pieces as it does for many bytes, until they are read", async () => {
  const { body, flow } = open();
  const reader = body.stream().getReader();
  for (let count = 0; count < 1_023; count++) body.push(chunk(Uint8Array.of(count)));
  expect(flow.pause).not.toHaveBeenCalled();
  body.push(chunk(Uint8Array.of(0)));
  expect(flow.pause).toHaveBeenCalled();
  expect((await reader.read()).value).toHaveLength(1_024);
  expect(flow.resume).not.toHaveBeenCalled();
  const next = reader.read();
  await turn();
  expect(flow.resume).toHaveBeenCalled();
  body.push(chunk(Uint8Array.of(0)));
  await next;
});
