/**
 * Counts the namespace's pods every ten seconds, and answers `/healthz` by how trust and identity are
 * doing. Runs in a pod: see `deployment.yaml`.
 */

import { createServer } from "node:http";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "reanchor";

interface PodList {
  items: { metadata: { name: string } }[];
}

const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());

const kube = await connect({
  userAgent: "pod-counter/1.0",
  onEvent: (event) => console.log(JSON.stringify(event)),
});

const health = createServer((_request, response) => {
  const status = kube.status();
  const healthy = !status.closed && !status.ca?.stale && !status.token?.stale;
  response.writeHead(healthy ? 200 : 503, { "content-type": "application/json" });
  response.end(JSON.stringify(status, null, 2));
});
health.listen(Number(process.env["PORT"] ?? 8080));

while (!stop.signal.aborted) {
  try {
    const path = `/api/v1/namespaces/${kube.namespace}/pods`;
    const { items } = await kube.get<PodList>(path, { signal: stop.signal });
    console.log(`${items.length} pods in ${kube.namespace}`);
  } catch (error) {
    if (!stop.signal.aborted) console.error(String(error));
  }
  await sleep(10_000, undefined, { signal: stop.signal }).catch(() => {});
}
health.close();
await kube.close();
