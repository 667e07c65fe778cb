/**
 * Node, as the core sees it.
 *
 * @module
 */

import type { Capabilities, Runtime } from "../../src/runtime.ts";
import { nodeSystem } from "../_shared/node-system.ts";
import { requireUndici } from "../_shared/present-runtime.ts";
import { explain } from "./undici-errors.ts";
import { openSocketTransport, openUndiciTransport } from "./transport.ts";
import { process } from "../_shared/process.ts";

const capabilities: Capabilities = {
  customCa: "exclusive",
  exclusiveTrust: true,
  closesIdleConnections: true,
  rejectsLateHandshakes: true,
  connectTimeout: true,
  files: true,
  sharedReads: true,
  resendsUntouchedStreams: true,
  recognisesUntrustedServers: true,
  revealsChains: true,
  laxChains: [],
  clientCertificates: true,
  serverName: true,
  serverIdentity: true,
  insecureSkipTlsVerify: true,
  proxies: ["http", "https", "socks5"],
  followsProxyEnvironment: false,
  repeatedHeaders: true,
  programs: true,
  sockets: true,
  http2: false,
  upgrades: "streams",
};

/** Node. */
export const nodeRuntime: Runtime = {
  name: "node",
  userAgent: `node/${process.versions.node}`,
  capabilities,
  checkHost: () => requireUndici("reanchor/node", "import reanchor, or reanchor/bun"),
  triesEveryAnchor: false,
  ...nodeSystem,
  openTransport: openUndiciTransport,
  explain,
  sockets: {
    capabilities,
    triesEveryAnchor: false,
    checkCertificate: nodeSystem.checkCertificate,
    openTransport: openSocketTransport,
    explain,
  },
};
