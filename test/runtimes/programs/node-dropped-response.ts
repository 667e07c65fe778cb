/** Drops responses unread, collects garbage, and prints how many connections that frees. */

import { connect, staticCaSource } from "../../../runtimes/node.ts";
import { connectControl } from "../../support/api-server.ts";
import { createCa } from "../../support/pki.ts";

const ca = await createCa();
const server = await connectControl(process.argv[2] ?? "").serve(await ca.issue());
const kube = await connect({ config: { server: server.origin, ca: staticCaSource(ca.pem) } });
const endless = "/stream?chunks=100000&intervalMs=1&size=1000";

async function collect(): Promise<void> {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 20));
}

for (let i = 0; i < 10; i++) await kube.fetch(endless);
const before = (await server.stats()).open;
let after = before;
for (let i = 0; i < 100 && after > 1; i++) {
  await collect();
  after = (await server.stats()).open;
}

const { body } = await kube.fetch("/stream?chunks=20&intervalMs=5");
let read = "";
for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
  read += chunk;
  await collect();
}
await kube.close();
await server.close();
console.log(JSON.stringify({ before, after, lines: read.trim().split("\n").length }));
