import { CoreV1Api, KubeConfig, PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const change = { name: "settings", namespace: "default", body: { data: { colour: "green" } } };
const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
await core.patchNamespacedConfigMap(change, options);
