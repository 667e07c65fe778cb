/**
 * `@kubernetes/client-node` with a plain request. It makes an agent, and so reads the CA, for each.
 *
 * @module
 */

import process from "node:process";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { loop } from "./loop.ts";

const [, , fileSystem = ""] = process.argv;
const config = new KubeConfig();
config.loadFromCluster(fileSystem);
const api = config.makeApiClient(CoreV1Api);

await loop(() => api.listNamespace());
// Its agents are never closed, and keep the process.
process.exit(0);
