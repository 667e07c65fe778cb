/** client-node's exec with reanchor's `KubeConfig` instead of its own. Only one import differs. */

import process from "node:process";
import { KubeConfig } from "../../../runtimes/client-node.ts";
import { run } from "./exec.ts";
import { say } from "./loop.ts";

const [, , fileSystem = ""] = process.argv;
const config = new KubeConfig({
  onEvent({ type }) {
    if (type === "ca-reloaded") say({ type: "read", changed: true });
    if (type === "ca-unchanged") say({ type: "read", changed: false });
  },
});
config.loadFromCluster(fileSystem);
await run(config);
await config.close();
