/**
 * A large body that Deno writes in place.
 *
 * @module
 */

import { describe, expect, test, vi } from "vitest";
import { fillText } from "../../../runtimes/deno/fill-text.ts";
import { BodyTooLargeError } from "../../../src/transport/read-text.ts";
import { bodyLimit } from "../../support/body-limit.ts";
import { rejection } from "../../support/rejection.ts";

describe("fillText()", () => {
  const encoder = new TextEncoder();

  /** A body that the test writes. */
  function open() {
    let controller: ReadableByteStreamController | undefined;
    const cancel = vi.fn();
    const body = new ReadableStream({
      type: "bytes",
      start: (given) => void (controller = given),
      cancel,
    });
    return {
      body,
      write(bytes: Uint8Array) {
        const view = controller?.byobRequest?.view as Uint8Array<ArrayBuffer>;
        view.set(bytes);
        controller?.byobRequest?.respond(bytes.length);
      },
      close() {
        controller?.close();
        controller?.byobRequest?.respond(0);
      },
      fail: (error: Error) => controller?.error(error),
      cancel,
    };
  }

  /** Lets a read go on. */
  async function turn(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
  }

  test("returns what came in pieces, without its byte order mark, and reports each", async () => {
    const bytes = encoder.encode("\ufeffaÄ漢😀");
    const onPiece = vi.fn();
    const { body, write, close } = open();
    const text = fillText(body, bodyLimit({ onPiece }), bytes.length);
    for (let at = 0; at < bytes.length; at += 5) {
      await turn();
      write(bytes.subarray(at, at + 5));
    }
    await turn();
    close();
    expect(await text).toBe("aÄ漢😀");
    expect(onPiece.mock.calls.flat()).toEqual([5, 5, 3]);
  });

  test("returns what came if it ends early", async () => {
    const { body, write, close } = open();
    const text = fillText(body, bodyLimit(), 10);
    await turn();
    write(encoder.encode("abc"));
    await turn();
    close();
    expect(await text).toBe("abc");
  });

  test("throws if more comes than announced, and gives it up", async () => {
    const { body, write, cancel } = open();
    const text = rejection(fillText(body, bodyLimit(), 2));
    await turn();
    write(encoder.encode("abc"));
    expect(String(await text)).toContain("more bytes than announced");
    expect(cancel).toHaveBeenCalledOnce();
  });

  test("throws what ended it", async () => {
    const { body, write, fail } = open();
    const text = rejection(fillText(body, bodyLimit(), 10));
    await turn();
    write(encoder.encode("abc"));
    await turn();
    const failure = new Error("lost");
    fail(failure);
    expect(await text).toBe(failure);
  });

  test("ends with its signal", async () => {
    const stop = new AbortController();
    const { body, write, cancel } = open();
    const text = fillText(body, bodyLimit({ signal: stop.signal }), 10);
    await turn();
    write(encoder.encode("abc"));
    await turn();
    const reason = new Error("enough");
    stop.abort(reason);
    await text;
    expect(cancel).toHaveBeenCalledWith(reason);
  });

  test("rejects more than its limit, whatever was announced", async () => {
    const { body } = new Response("abc");
    const text = rejection(fillText(body, bodyLimit({ maxBytes: 2 }), 3));
    expect(await text).toBeInstanceOf(BodyTooLargeError);
  });

  test("reads as usual a body of unknown size, one that can't be written in place, and none", async () => {
    expect(await fillText(new Response("abc").body, bodyLimit())).toBe("abc");
    const piped = new Response("abc").body?.pipeThrough(new TransformStream()) ?? null;
    expect(await fillText(piped, bodyLimit(), 3)).toBe("abc");
    expect(await fillText(null, bodyLimit(), 3)).toBe("");
  });
});
