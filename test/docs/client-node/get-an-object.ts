import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const pod = await core.readNamespacedPod({ name: "web", namespace: "default" });
console.log(pod.metadata?.name, pod.status?.phase);
