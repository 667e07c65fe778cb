/**
 * Bun, as the core sees it.
 *
 * @module
 */

import type { Capabilities, Runtime } from "../../src/runtime.ts";
import { nodeSystem } from "../_shared/node-system.ts";
import { requireBun } from "../_shared/present-runtime.ts";
import { explain } from "./bun-errors.ts";
import { conflict, openSocketTransport, openTransport } from "./transport.ts";
import { process } from "../_shared/process.ts";

const capabilities: Capabilities = {
  customCa: "exclusive",
  exclusiveTrust: true,
  closesIdleConnections: true,
  rejectsLateHandshakes: true,
  connectTimeout: false,
  files: true,
  sharedReads: true,
  resendsUntouchedStreams: true,
  recognisesUntrustedServers: true,
  revealsChains: false,
  laxChains: ["sha1-of-intermediate"],
  clientCertificates: true,
  serverName: true,
  serverIdentity: true,
  insecureSkipTlsVerify: true,
  proxies: ["http", "https"],
  followsProxyEnvironment: false,
  repeatedHeaders: false,
  programs: true,
  sockets: true,
  http2: false,
  upgrades: "streams",
};

/** What it can do beside that, if HTTP is the core's own. */
const socketCapabilities: Capabilities = {
  ...capabilities,
  connectTimeout: true,
  revealsChains: true,
  proxies: ["http", "https", "socks5"],
  repeatedHeaders: true,
};

/** Bun. */
export const bunRuntime: Runtime = {
  name: "bun",
  get userAgent() {
    return `bun/${process.versions["bun"]}`;
  },
  capabilities,
  checkHost: requireBun,
  triesEveryAnchor: false,
  ...nodeSystem,
  conflict,
  openTransport,
  explain,
  sockets: {
    capabilities: socketCapabilities,
    triesEveryAnchor: false,
    checkCertificate: nodeSystem.checkCertificate,
    openTransport: openSocketTransport,
    explain,
  },
};
