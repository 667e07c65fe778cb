import {
  ApisApi,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
} from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const objects = KubernetesObjectApi.makeApiClient(config);
const custom = config.makeApiClient(CustomObjectsApi);
const documents = [await config.makeApiClient(CoreV1Api).getAPIResources()];
for (const { name, preferredVersion } of (await config.makeApiClient(ApisApi).getAPIVersions())
  .groups) {
  const version = preferredVersion?.version ?? "";
  documents.push(await custom.getAPIResources({ group: name, version }));
}
for (const { groupVersion, resources } of documents) {
  for (const { name, kind, namespaced, verbs } of resources) {
    if (name.includes("/") || !namespaced || !verbs.includes("list")) continue;
    const { items } = await objects.list(groupVersion, kind, "default");
    for (const { metadata } of items) console.log(`${name}/${metadata?.name}`);
  }
}
