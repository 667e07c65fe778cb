import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const body = { spec: { audiences: ["registry"], expirationSeconds: 3_600 } };
const account = { name: "builder", namespace: "default" };
const { status } = await core.createNamespacedServiceAccountToken({ ...account, body });
console.log(status?.expirationTimestamp?.toISOString());
