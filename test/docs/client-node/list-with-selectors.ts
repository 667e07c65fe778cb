import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const { items } = await core.listPodForAllNamespaces({
  labelSelector: "app=web",
  fieldSelector: "spec.nodeName=node-a",
});
console.log(items.length);
