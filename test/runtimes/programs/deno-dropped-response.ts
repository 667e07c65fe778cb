/**
 * Keeps a body and drops its response, collects garbage, closes the client, and prints what the reader got.
 */

import { connect, staticCaSource } from "../../../runtimes/deno.ts";
import { connectControl } from "../../support/api-server.ts";
import { createCa } from "../../support/pki.ts";

const ca = await createCa();
const server = await connectControl(Deno.args[0] ?? "").serve(await ca.issue());
const kube = await connect({ config: { server: server.origin, ca: staticCaSource(ca.pem) } });

async function openBody(): Promise<ReadableStreamDefaultReader<Uint8Array> | undefined> {
  const { body } = await kube.fetch("/held-body?key=dropped");
  return body?.getReader();
}

const reader = await openBody();
await reader?.read();
const rest = reader?.read().then(
  () => "more",
  () => "ended",
);
const { gc } = globalThis as unknown as { gc(): void };
for (let i = 0; i < 10; i++) {
  gc();
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await kube.close();
const silence = new Promise((resolve) => setTimeout(() => resolve("silent"), 2_000));
console.log(JSON.stringify({ outcome: await Promise.race([rest, silence]) }));
await server.close();
Deno.exit(0);
