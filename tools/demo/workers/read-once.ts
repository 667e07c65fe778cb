/**
 * What most programs do: they read the CA once at startup, into an agent.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { Agent, get } from "node:https";
import process from "node:process";
import { loop } from "./loop.ts";

const [, , root = ""] = process.argv;
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
const token = (await readFile(`${root}/token`, "utf8")).trim();
const agent = new Agent({ keepAlive: true, ca: await readFile(`${root}/ca.crt`) });

function request(): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}` };
    get(`https://${host}:${port}/version`, { agent, headers }, (response) => {
      response.resume();
      response.once("error", reject);
      response.once("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`status ${response.statusCode}`));
      });
    }).once("error", reject);
  });
}

await loop(request);
agent.destroy();
