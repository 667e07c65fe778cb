import { AppsV1Api, KubeConfig, PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const apps = config.makeApiClient(AppsV1Api);
const annotations = { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() };
const body = { spec: { template: { metadata: { annotations } } } };
const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
await apps.patchNamespacedDeployment({ name: "web", namespace: "default", body }, options);
