import { CustomObjectsApi, KubeConfig, type KubernetesObject } from "@kubernetes/client-node";

interface Widget extends KubernetesObject {
  spec: { size: number };
}

const config = new KubeConfig();
config.loadFromDefault();
const custom = config.makeApiClient(CustomObjectsApi);
const body: Widget = {
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name: "first" },
  spec: { size: 3 },
};
const kind = { group: "example.com", version: "v1", namespace: "default", plural: "widgets" };
const created = (await custom.createNamespacedCustomObject({ ...kind, body })) as Widget;
console.log(created.spec.size);
