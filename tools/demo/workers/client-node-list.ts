/**
 * `@kubernetes/client-node` with a plain request. It creates an agent for each request, and so reads the CA
 * each time.
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
// Its agents are never closed, and keep the process alive.
process.exit(0);
