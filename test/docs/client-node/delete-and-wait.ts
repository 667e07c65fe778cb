import { setTimeout as delay } from "node:timers/promises";
import { ApiException, CoreV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const pod = { name: "web", namespace: "default" };
await core.deleteNamespacedPod(pod);
try {
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(500)) {
    await core.readNamespacedPod(pod);
  }
  throw new Error("it still exists");
} catch (error) {
  if (!(error instanceof ApiException) || error.code !== 404) throw error;
}
