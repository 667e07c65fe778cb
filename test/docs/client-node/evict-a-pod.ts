import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const body = { metadata: { name: "web" }, deleteOptions: { gracePeriodSeconds: 30 } };
await core.createNamespacedPodEviction({ name: "web", namespace: "default", body });
