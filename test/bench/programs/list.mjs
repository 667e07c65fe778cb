/**
 * Gets one large list on Node: how long that takes, and the most memory that the process has had. In
 * JavaScript, so that no stripping of types is part of what is measured.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import process from "node:process";

const { contender, place } = JSON.parse(process.argv[2]);
const { dist, root, origin } = place;
const path = "/api/v1/pods";

const contenders = {
  async "bare fetch"() {
    const { Agent, fetch } = await import("undici");
    const ca = await readFile(`${root}/ca.crt`, "utf8");
    const dispatcher = new Agent({ allowH2: false, connect: { ca } });
    const headers = {
      accept: "application/json",
      authorization: `Bearer ${await readFile(`${root}/token`, "utf8")}`,
      // reanchor asks for no encoding on Node.
      "accept-encoding": "identity",
    };
    return async (from) => {
      const response = await fetch(`${origin}${from}`, { dispatcher, headers });
      return JSON.parse(await response.text());
    };
  },
  "kube.get": async () => await byGet("runtime"),
  "resource(Pod).list": async () => await byList("runtime"),
  "kube.get over sockets": async () => await byGet("sockets"),
  "resource(Pod).list over sockets": async () => await byList("sockets"),
};

async function byGet(http) {
  const kube = await connect(http);
  return async (from) => await kube.get(from);
}

async function byList(http) {
  const kube = await connect(http);
  const { Pod } = await import(`${dist}/resources.js`);
  const pods = kube.resource(Pod, { namespace: "*" });
  return async (from) => (from === path ? await pods.list() : await kube.get(from));
}

async function connect(http) {
  const { connect: connectTo, inCluster } = await import(`${dist}/node.js`);
  return await connectTo({ config: await inCluster({ root }), http });
}

const get = await contenders[contender]();
await get("/version"); // The connection is open from here on.
const startedAt = performance.now();
const list = await get(path);
const ms = performance.now() - startedAt;
const peakBytes = process.resourceUsage().maxRSS * 1024;
const result = { ms, peakBytes, items: list.items.length };
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
