import { setTimeout as delay } from "node:timers/promises";
import { ApiextensionsV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const definitions = config.makeApiClient(ApiextensionsV1Api);
for (const end = Date.now() + 60_000; ;) {
  const name = "widgets.example.com";
  const { status } = await definitions.readCustomResourceDefinition({ name });
  if (status?.conditions?.some((it) => it.type === "Established" && it.status === "True")) break;
  if (Date.now() > end) throw new Error("it is still not established");
  await delay(500);
}
