import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const { data } = await core.readNamespacedSecret({ name: "db", namespace: "default" });
console.log(Buffer.from(data?.["password"] ?? "", "base64").toString().length);
