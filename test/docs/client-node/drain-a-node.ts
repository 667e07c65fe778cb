import { setTimeout as delay } from "node:timers/promises";
import {
  ApiException,
  CoreV1Api,
  KubeConfig,
  PatchStrategy,
  type V1Pod,
  setHeaderOptions,
} from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const end = Date.now() + 600_000;

async function setUnschedulable(unschedulable: boolean): Promise<void> {
  const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
  await core.patchNode({ name: "node-a", body: { spec: { unschedulable } } }, options);
}

async function evict({ metadata }: V1Pod): Promise<void> {
  const name = metadata?.name ?? "";
  const pod = { name, namespace: metadata?.namespace ?? "" };
  for (let isEvicted = false; Date.now() < end; await delay(1_000)) {
    try {
      if (!isEvicted)
        await core.createNamespacedPodEviction({ ...pod, body: { metadata: { name } } });
      isEvicted = true;
      if ((await core.readNamespacedPod(pod)).metadata?.uid !== metadata?.uid) return;
    } catch (error) {
      if (!(error instanceof ApiException)) throw error;
      if (error.code === 404) return;
      if (error.code !== 429) throw error;
      console.log("blocked", `${pod.namespace}/${name}`);
    }
  }
  throw new Error(`${pod.namespace}/${name} is still there`);
}

await setUnschedulable(true);
const { items } = await core.listPodForAllNamespaces({ fieldSelector: "spec.nodeName=node-a" });
const pods = items.filter(({ metadata, status }) => {
  const isMirror = metadata?.annotations?.["kubernetes.io/config.mirror"] !== undefined;
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
  const isOver = status?.phase === "Succeeded" || status?.phase === "Failed";
  if (owner === undefined && !isOver && !isMirror) throw new Error("a pod has no controller");
  return !isMirror && owner?.kind !== "DaemonSet";
});
if (pods.some(({ spec }) => spec?.volumes?.some(({ emptyDir }) => emptyDir))) {
  throw new Error("a pod has local data");
}
await Promise.all(pods.map(evict));
console.log(`${pods.length} pods are gone`);
await setUnschedulable(false);
