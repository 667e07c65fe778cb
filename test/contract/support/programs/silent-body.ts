/**
 * Reads two silent bodies on Bun, one of ours and a later one of a plain `fetch`, and says how each ended.
 * Ours goes on when the other has ended.
 *
 * Arguments: where the test servers' process is.
 */

import process from "node:process";
import { connectControl } from "../../../support/api-server.ts";
import { createCa } from "../../../support/pki.ts";
import { entry } from "../entry.ts";

const ca = await createCa();
const server = await connectControl(process.argv[2] ?? "").serve(await ca.issue());
const trust = entry.staticCaSource(ca.pem);
const kube = await entry.connect({ config: { server: server.origin, ca: trust } });
const ours = (await kube.fetch("/held-body?key=ours")).text();
await server.held("ours");

const init: RequestInit & { tls: object } = { tls: { ca: ca.pem } };
const plain = await fetch(`${server.origin}/held-body?key=plain`, init);
const ended = await plain.text().catch((error: Error) => error.name);
await server.release("ours");
console.log(JSON.stringify({ plain: ended, ours: await ours }));
await kube.close();
await server.close();
