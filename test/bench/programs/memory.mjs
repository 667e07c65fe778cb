/**
 * A process on Node with one client that has connected, or with none. In JavaScript, so that no stripping of
 * types is part of what is measured.
 *
 * @module
 */

import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

const { contender, place } = JSON.parse(process.argv[2]);

const contenders = {
  async bare() {},
  async reanchor() {
    const { connect, inCluster } = await import(`${place.dist}/node.js`);
    const kube = await connect({ config: await inCluster({ root: place.root }) });
    await kube.get("/api/v1/namespaces");
    return kube;
  },
  async "client-node"() {
    const { CoreV1Api, KubeConfig } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromCluster(place.fileSystem);
    const api = config.makeApiClient(CoreV1Api);
    await api.listNamespace();
    return api;
  },
};

const client = await contenders[contender]();
for (let round = 0; round < 3; round += 1) {
  await delay(50);
  globalThis.gc();
}
const rss = process.memoryUsage().rss;
process.stdout.write(`${JSON.stringify({ rss, hasClient: client !== undefined })}\n`, () => {
  process.exit(0);
});
