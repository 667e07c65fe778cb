import { KubeConfig, Log } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
await new Log(config).log("default", "web", "main", process.stdout, { follow: true });
