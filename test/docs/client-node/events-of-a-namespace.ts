import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const { items } = await core.listNamespacedEvent({ namespace: "default" });
for (const { involvedObject, reason, message } of items) {
  console.log(involvedObject.kind, involvedObject.name, reason, message);
}
