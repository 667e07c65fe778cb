import { CoreV1Api, KubeConfig, PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
await core.patchNode({ name: "node-a", body: { spec: { unschedulable: true } } }, options);
