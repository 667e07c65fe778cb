/** @kubernetes/client-node, by a plain request or by its WebSocket path. */

import process from "node:process";
import { PassThrough } from "node:stream";
import { CoreV1Api, Exec, KubeConfig } from "@kubernetes/client-node";
import { loop } from "./loop.ts";

const [, , root, server = "", token = "", path] = process.argv;
const config = new KubeConfig();
config.loadFromOptions({
  clusters: [{ name: "pod", server, caFile: `${root}/ca.crt`, skipTLSVerify: false }],
  users: [{ name: "pod", token }],
  contexts: [{ name: "pod", cluster: "pod", user: "pod" }],
  currentContext: "pod",
});

async function execute(exec: Exec): Promise<void> {
  const output = new PassThrough();
  output.resume();
  await new Promise<void>((resolve, reject) => {
    exec
      .exec("demo", "web", "main", ["date"], output, null, null, false, () => resolve())
      .then((socket) => {
        socket.on("close", () => resolve());
        socket.on("error", reject);
      }, reject);
  });
}

if (path === "exec") {
  const exec = new Exec(config);
  await loop(() => execute(exec).catch((error: unknown) => Promise.reject(cause(error))));
} else {
  const api = config.makeApiClient(CoreV1Api);
  await loop(() => api.listNamespace());
}

/** The library hands over the WebSocket's event, which carries the error. */
function cause(error: unknown): unknown {
  return typeof error === "object" && error !== null && "error" in error ? error.error : error;
}
