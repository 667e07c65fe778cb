/**
 * Large bodies in both directions: the slower side sets the pace, and the amount of unread data is limited. The tests
 * count the bytes that the faster side could send, since memory also depends on when garbage is collected.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { TestServer } from "../support/api-server.ts";
import { entry } from "./support/entry.ts";
import { connectClient, startCluster, until } from "./support/scene.ts";
import { ways } from "./support/ways.ts";

const MB = 1_000_000;
/** The capacity of two loopback sockets' buffers, beside those of a runtime. */
const MOST_UNREAD = 20 * MB;
const PIECE = new Uint8Array(256 * 1024).fill(120);

describe.each(ways)("over $way", ({ http2, settings }) => {
  async function connect() {
    const { ca, server } = await startCluster({ http2 });
    const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
    return { server, ...(await connectClient({ config, ...settings })) };
  }

  test("a response that nobody reads stops its server, and continues when it is read", async () => {
    const { kube, server } = await connect();
    const response = await kube.fetch("/odd-body?then=endless");
    expect(await settled(() => streamedBy(server))).toBeLessThan(MOST_UNREAD);
    const reader = response.body?.getReader();
    await readMegabytes(reader, 100);
    expect(await streamedBy(server)).toBeGreaterThan(100 * MB);
    await reader?.cancel();
    await kube.close();
    await until("nothing is open", async () => (await server.stats()).open === 0);
  });

  test("a response that is read slowly is sent slowly", async () => {
    const { kube, server } = await connect();
    const reader = (await kube.fetch("/odd-body?then=endless")).body?.getReader();
    let read = 0;
    for (let pause = 1; pause <= 5; pause++) {
      read += await readMegabytes(reader, 10);
      expect((await settled(() => streamedBy(server))) - read).toBeLessThan(MOST_UNREAD);
    }
    await reader?.cancel();
  });

  test("a stream body is read no faster than its server reads, and arrives in full", async () => {
    const { kube, server } = await connect();
    const total = 128 * PIECE.length;
    let taken = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (taken === total) return controller.close();
          taken += PIECE.length;
          controller.enqueue(PIECE);
        },
      },
      { highWaterMark: 0 },
    );
    const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
    const asking = kube.fetch("/upload?key=upload", init);
    await server.held("upload");
    expect(await settled(() => taken)).toBeLessThan(MOST_UNREAD);
    await server.release("upload");
    expect(await (await asking).json()).toMatchObject({ bytes: total });
  });

  test("a stream body that a fast server reads leaves other events their turns", async () => {
    const { kube } = await connect();
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    const pieces = Array.from({ length: 80 }, () => PIECE);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = pieces.pop();
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
    });
    const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
    const response = await kube.fetch("/upload", init);
    clearInterval(timer);
    expect(await response.json()).toMatchObject({ bytes: 80 * PIECE.length });
    expect(turns).toBeGreaterThan(10);
  });
});

async function streamedBy(server: TestServer): Promise<number> {
  return (await server.stats()).streamed;
}

/** A number once it no longer grows. */
async function settled(measure: () => number | Promise<number>): Promise<number> {
  let [size, before] = [0, Number.NaN];
  await until("no more is taken", async () => {
    await new Promise((resolve) => void setTimeout(resolve, 300));
    before = size;
    size = await measure();
    return size === before && size > 0;
  });
  return size;
}

/** Reads at least so many; returns how many bytes they were. */
async function readMegabytes(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  megabytes: number,
): Promise<number> {
  let read = 0;
  while (read < megabytes * MB) read += (await reader?.read())?.value?.length ?? Number.NaN;
  return read;
}
