import { setTimeout as delay } from "node:timers/promises";
import { BatchV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const batch = config.makeApiClient(BatchV1Api);
for (const end = Date.now() + 600_000; ;) {
  const { status } = await batch.readNamespacedJob({ name: "report", namespace: "default" });
  const isTrue = status?.conditions?.filter((condition) => condition.status === "True") ?? [];
  const failure = isTrue.find(({ type }) => type === "Failed");
  if (failure !== undefined) throw new Error(`${failure.reason}: ${failure.message}`);
  if (isTrue.some(({ type }) => type === "Complete")) break;
  if (Date.now() > end) throw new Error("it still runs");
  await delay(500);
}
