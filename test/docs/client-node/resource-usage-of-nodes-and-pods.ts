import { KubeConfig, Metrics } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const metrics = new Metrics(config); // It has the quantities as texts, and no fractions.
for (const { metadata, usage } of (await metrics.getNodeMetrics()).items) {
  console.log(metadata.name, usage.cpu, usage.memory);
}
const pods = await metrics.getPodMetrics();
console.log(pods.items.length);
