import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import {
  ApiException,
  ApiextensionsV1Api,
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  loadAllYaml,
} from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const definitions = config.makeApiClient(ApiextensionsV1Api);
const order = ["Namespace", "CustomResourceDefinition"];
const rank = (kind = ""): number => (order.includes(kind) ? order.indexOf(kind) : order.length);
const objects = loadAllYaml(await readFile("web.yaml", "utf8"));
for (const object of objects.toSorted((one, other) => rank(one.kind) - rank(other.kind))) {
  const name = object.metadata?.name ?? "";
  const { apiVersion, kind } = object;
  const client = KubernetesObjectApi.makeApiClient(config);
  const before = await client
    .read({ apiVersion, kind, metadata: { ...object.metadata, name } })
    .catch((error: unknown) => {
      if (!(error instanceof ApiException) || error.code !== 404) throw error;
    });
  const type = PatchStrategy.ServerSideApply;
  const after = await client.patch(object, undefined, undefined, "my-program", undefined, type);
  const version = before?.metadata?.resourceVersion;
  const isSame = version === after.metadata?.resourceVersion;
  console.log(before === undefined ? "created" : isSame ? "unchanged" : "changed", kind, name);
  for (let isServed = kind !== "CustomResourceDefinition"; !isServed; await delay(500)) {
    const { status } = await definitions.readCustomResourceDefinition({ name });
    isServed =
      status?.conditions?.some((it) => it.type === "Established" && it.status === "True") ?? false;
  }
}
