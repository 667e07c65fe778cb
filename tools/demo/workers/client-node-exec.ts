/** client-node's exec as it is. Here the CA is read once, into an agent that is kept. */

import process from "node:process";
import { KubeConfig } from "@kubernetes/client-node";
import { run } from "./exec.ts";

const [, , fileSystem = ""] = process.argv;
const config = new KubeConfig();
config.loadFromCluster(fileSystem);
await run(config);
// Its agents are never closed, and keep the process.
process.exit(0);
