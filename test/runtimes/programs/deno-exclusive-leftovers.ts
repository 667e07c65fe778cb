/**
 * What exclusive trust leaves behind on Deno. Measures how many bytes of heap remain per aborted request,
 * over some thousand requests, and how much memory an endless body uses that nobody reads.
 */

import { connect, staticCaSource } from "../../../runtimes/deno.ts";
import { connectControl } from "../../support/api-server.ts";
import { createCa } from "../../support/pki.ts";

const ca = await createCa();
const server = await connectControl(Deno.args[0] ?? "").serve(await ca.issue());
const config = { server: server.origin, ca: staticCaSource(ca.pem) };
const kube = await connect({ config, exclusiveTrust: true });
const { gc } = globalThis as unknown as { gc(): void };

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => void setTimeout(resolve, ms));
}

async function memory() {
  // Closed connections are released a few turns later.
  for (let turn = 0; turn < 5; turn += 1) {
    gc();
    await pause(50);
  }
  return Deno.memoryUsage();
}

/**
 * Aborts requests in one phase: before the connection, in the handshake, or while they wait for a response.
 */
async function abortMany(count: number, delayMs: number): Promise<void> {
  let left = count;
  async function abortSome(): Promise<void> {
    while (left-- > 0) {
      const abort = new AbortController();
      const request = kube.fetch("/held-headers", { signal: abort.signal }).catch(() => {});
      if (delayMs >= 0) await pause(delayMs);
      abort.abort();
      await request;
    }
  }
  await Promise.all([abortSome(), abortSome(), abortSome(), abortSome()]);
}

const COUNT = 1_000;
const bytesLeft: number[] = [];
for (const delayMs of [-1, 0, 1, 5]) {
  await abortMany(COUNT, delayMs); // Memory that is kept only once is not a leak.
  const before = await memory();
  await abortMany(COUNT, delayMs);
  const after = await memory();
  bytesLeft.push(Math.round((after.heapUsed - before.heapUsed) / COUNT));
}

const { body } = await kube.fetch("/stream?chunks=100000&intervalMs=0&size=10000");
const reader = body?.getReader();
const before = await memory();
let mostBytes = 0;
for (let look = 0; look < 10; look += 1) {
  await reader?.read();
  await pause(100);
  mostBytes = Math.max(mostBytes, (await memory()).rss - before.rss);
}
await reader?.cancel();

console.log(JSON.stringify({ bytesLeft, megabytesHeld: Math.round(mostBytes / 1e6) }));
await kube.close();
await server.close();
Deno.exit(0);
