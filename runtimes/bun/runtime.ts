/**
 * Bun, as the core sees it.
 *
 * @module
 */

import process from "node:process";
import { type Runtime, systemClock } from "../../src/runtime.ts";
import { checkCertificate } from "../_shared/openssl-anchors.ts";
import { nodeFiles } from "../_shared/node-files.ts";
import { requireBun } from "../_shared/present-runtime.ts";
import { lazyPrograms } from "../_shared/lazy-programs.ts";
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
  clock: systemClock,
  files: nodeFiles,
  local: async () => (await import("../_shared/node-local-system.ts")).nodeLocal,
  programs: lazyPrograms(async () => (await import("../_shared/node-programs.ts")).nodePrograms),
  env: (name) => process.env[name],
  isDenied: () => false,
  conflict,
  checkCertificate,
  openTransport,
  explain,
};
