/**
 * Bun, as the core sees it.
 *
 * @module
 */

import process from "node:process";
import type { Runtime } from "../../src/runtime.ts";
import { nodeSystem } from "../_shared/node-system.ts";
import { requireBun } from "../_shared/present-runtime.ts";
import { explain } from "./bun-errors.ts";
import { conflict, openTransport } from "./transport.ts";

/** Bun. */
export const bunRuntime: Runtime = {
  name: "bun",
  get userAgent() {
    return `bun/${process.versions["bun"]}`;
  },
  capabilities: {
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
    http2: false,
    upgrades: "streams",
  },
  checkHost: requireBun,
  triesEveryAnchor: false,
  ...nodeSystem,
  conflict,
  openTransport,
  explain,
};
