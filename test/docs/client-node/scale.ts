import { AppsV1Api, KubeConfig, PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const apps = config.makeApiClient(AppsV1Api);
const change = { name: "web", namespace: "default", body: { spec: { replicas: 3 } } };
const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
await apps.patchNamespacedDeploymentScale(change, options);
