/**
 * From nothing to the end of the first in-cluster request. In JavaScript, so that no stripping of types is
 * part of what is measured.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { registerHooks } from "node:module";
import process from "node:process";

const { contender, place, listsModules } = JSON.parse(process.argv[2]);
const { dist, root } = place;

const modules = [];
if (listsModules) {
  registerHooks({
    load(url, context, nextLoad) {
      modules.push(url);
      return nextLoad(url, context);
    },
  });
}

const contenders = {
  async "kube.get"() {
    const { connect, inCluster } = await import(`${dist}/node.js`);
    const kube = await connect({ config: await inCluster({ root }) });
    await kube.get("/version");
  },
  async "kube.fetch"() {
    const { connect, inCluster } = await import(`${dist}/node.js`);
    const kube = await connect({ config: await inCluster({ root }) });
    const response = await kube.fetch("/version");
    await response.json();
  },
  async "kube.get over sockets"() {
    const { connect, inCluster } = await import(`${dist}/node.js`);
    const kube = await connect({ config: await inCluster({ root }), http: "sockets" });
    await kube.get("/version");
  },
  async "node:https"() {
    const { Agent, get } = await import("node:https");
    const [ca, token] = await serviceAccount();
    const headers = { accept: "application/json", authorization: `Bearer ${token}` };
    const agent = new Agent({ keepAlive: true, ca });
    const text = await new Promise((resolve, reject) => {
      const request = get(versionUrl(), { agent, headers }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (piece) => (body += piece));
        response.on("end", () => resolve(body));
        response.on("error", reject);
      });
      request.on("error", reject);
    });
    JSON.parse(text);
  },
  async "undici request"() {
    const { Agent, request } = await import("undici");
    const { body } = await request(versionUrl(), await bareOptions(Agent));
    await body.json();
  },
  async "undici fetch"() {
    const { Agent, fetch } = await import("undici");
    const response = await fetch(versionUrl(), await bareOptions(Agent));
    await response.json();
  },
};

function versionUrl() {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  return `https://${host}:${port}/version`;
}

async function serviceAccount() {
  return await Promise.all(["ca.crt", "token"].map((name) => readFile(`${root}/${name}`, "utf8")));
}

async function bareOptions(Agent) {
  const [ca, token] = await serviceAccount();
  const dispatcher = new Agent({ allowH2: false, connect: { ca } });
  return { dispatcher, headers: { accept: "application/json", authorization: `Bearer ${token}` } };
}

const startedAt = performance.now();
await contenders[contender]();
const ms = performance.now() - startedAt;
process.stdout.write(`${JSON.stringify({ ms, modules })}\n`, () => process.exit(0));
