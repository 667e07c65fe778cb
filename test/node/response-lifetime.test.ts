/**
 * Responses that nobody reads any more, once Node's garbage collector runs.
 *
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test, vi } from "vitest";
import { handOver } from "../../src/transport/response-lifetime.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function collected(holds: () => boolean): Promise<boolean> {
  for (let left = 20; left > 0 && !holds(); left -= 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
  }
  return holds();
}

function open(): Response {
  return new Response(
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
    }),
  );
}

test("a response that is dropped unread is reported", async () => {
  const listener = vi.fn();
  handOver(open(), listener);
  expect(await collected(() => listener.mock.calls.length > 0)).toBe(true);
});

test("a response lives as long as its body, or its clone's, is referenced", async () => {
  const listener = vi.fn();
  const reader = handOver(open(), listener).body?.getReader();
  const ofClone = handOver(open(), listener).clone().body?.getReader();
  expect(await collected(() => listener.mock.calls.length > 0)).toBe(false);
  await reader?.cancel();
  ofClone?.cancel().catch(() => {}); // Ends together with its sibling, which nobody cancels.
});
