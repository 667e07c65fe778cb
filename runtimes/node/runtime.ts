/**
 * Node, as the core sees it.
 *
 * @module
 */

import process from "node:process";
import { type Runtime, systemClock } from "../../src/runtime.ts";
import { nodeFiles } from "../_shared/node-files.ts";
import { explain } from "./explain.ts";
import { openTransport } from "./transport.ts";

/** Node. */
export const nodeRuntime: Runtime = {
  name: "node",
  userAgent: `node/${process.versions.node}`,
  capabilities: {
    customCa: "exclusive",
    exclusiveTrust: true,
    closesIdleConnections: true,
    connectTimeout: true,
    files: true,
    sharedReads: true,
    resendsUntouchedStreams: true,
    recognisesUntrustedServers: true,
  },
  triesEveryAnchor: false,
  clock: systemClock,
  files: nodeFiles,
  env: (name) => process.env[name],
  isDenied: () => false,
  openTransport,
  explain,
};
