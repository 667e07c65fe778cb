/** client-node's exec, unchanged. It reads the CA once, into an agent that it keeps. */

import process from "node:process";
import { KubeConfig } from "@kubernetes/client-node";
import { run } from "./exec.ts";

const [, , fileSystem = ""] = process.argv;
const config = new KubeConfig();
config.loadFromCluster(fileSystem);
await run(config);
// Its agents are never closed, and keep the process alive.
process.exit(0);
