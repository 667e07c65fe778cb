import { KubeConfig, type V1Pod, Watch } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const onEvent = (type: string, pod: V1Pod) => console.log(type.toLowerCase(), pod.metadata?.name);
const onEnd = (error: unknown) => console.error(error); // It does not reconnect.
await new Watch(config).watch("/api/v1/namespaces/default/pods", {}, onEvent, onEnd);
