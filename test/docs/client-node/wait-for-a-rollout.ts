import { setTimeout as delay } from "node:timers/promises";
import { AppsV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const apps = config.makeApiClient(AppsV1Api);
for (const end = Date.now() + 300_000; ;) {
  const deployment = await apps.readNamespacedDeployment({ name: "web", namespace: "default" });
  const { metadata, spec, status } = deployment;
  const { updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = status ?? {};
  const wanted = spec?.replicas ?? 1;
  const isObserved = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  const isUpdated = updatedReplicas >= wanted && replicas <= updatedReplicas;
  if (isObserved && isUpdated && availableReplicas >= updatedReplicas) break;
  const progress = status?.conditions?.find(({ type }) => type === "Progressing");
  if (progress?.reason === "ProgressDeadlineExceeded") throw new Error(progress.message);
  if (Date.now() > end) throw new Error("it is still not rolled out");
  console.log(`${updatedReplicas} of ${wanted} replicas are updated`);
  await delay(500);
}
