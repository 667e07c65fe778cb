/**
 * Counts the namespace's pods every ten seconds, or `$INTERVAL_MS`. `/readyz` says whether the API server accepts this program,
 * and shows the client's status; `/livez` only says that the program runs. See `deployment.yaml`.
 */

import { createServer } from "node:http";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "reanchor";

interface PodList {
  items: { metadata: { name: string } }[];
}

const intervalMs = Number(process.env["INTERVAL_MS"] ?? 10_000);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());

const kube = await connect({
  userAgent: "pod-counter/1.0",
  onEvent: (event) => console.log(JSON.stringify(event)),
});

const probes = createServer((request, response) => {
  if (request.url === "/livez") {
    // Does not depend on the client's health: otherwise an outage would restart every pod, without any
    // benefit.
    response.end("ok");
    return;
  }
  const status = kube.status();
  const isReady = status.healthy && status.lastSuccessAt !== undefined;
  response.writeHead(isReady ? 200 : 503, { "content-type": "application/json" });
  response.end(JSON.stringify(status, null, 2));
});
probes.listen(Number(process.env["PORT"] ?? 8080));

while (!stop.signal.aborted) {
  try {
    const path = `/api/v1/namespaces/${kube.namespace}/pods`;
    const { items } = await kube.get<PodList>(path, { signal: stop.signal });
    console.log(`${items.length} pods in ${kube.namespace}`);
  } catch (error) {
    if (!stop.signal.aborted) console.error(String(error));
  }
  await sleep(intervalMs, undefined, { signal: stop.signal }).catch(() => {});
}
probes.close();
await kube.close();
