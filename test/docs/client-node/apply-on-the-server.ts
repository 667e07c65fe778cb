import { CoreV1Api, KubeConfig, PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const body = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings" },
  data: { colour: "blue" },
};
const settings = { name: "settings", namespace: "default", fieldManager: "my-program", body };
const options = setHeaderOptions("Content-Type", PatchStrategy.ServerSideApply);
await core.patchNamespacedConfigMap(settings, options);
