/**
 * Deno, as the core sees it. Permissions are looked at and never prompted for: what is not granted counts
 * as unset.
 *
 * @module
 */

import type { Capabilities, Runtime } from "../../src/runtime.ts";
import { denoClock } from "./clock.ts";
import { lazyPrograms } from "../_shared/lazy-programs.ts";
import { checkCertificate } from "./http-client.ts";
import { explain } from "./deno-errors.ts";
import { denoFiles } from "./files.ts";
import { isDenied } from "./permissions.ts";
import { deno } from "./shim.ts";
import {
  conflict,
  ignoresCertificateErrors,
  openSocketTransport,
  openTransport,
} from "./transport.ts";

const capabilities: Capabilities = {
  customCa: "additive",
  exclusiveTrust: true,
  closesIdleConnections: true,
  rejectsLateHandshakes: false,
  connectTimeout: false,
  files: true,
  sharedReads: true,
  resendsUntouchedStreams: false,
  recognisesUntrustedServers: true,
  revealsChains: false,
  laxChains: ["path-length-of-anchor", "key-usage-of-intermediate", "expired-since-verified"],
  clientCertificates: true,
  serverName: true,
  serverIdentity: true,
  insecureSkipTlsVerify: true,
  proxies: ["http", "https", "socks5"],
  followsProxyEnvironment: true,
  repeatedHeaders: true,
  programs: true,
  sockets: true,
  http2: true,
  upgrades: "streams",
};

/** What it can do, if HTTP is the core's own. */
const socketCapabilities: Capabilities = {
  ...capabilities,
  customCa: "exclusive",
  rejectsLateHandshakes: true,
  connectTimeout: true,
  revealsChains: true,
  resendsUntouchedStreams: true,
  laxChains: [],
  followsProxyEnvironment: false,
  http2: false,
};

/** Deno. */
export const denoRuntime: Runtime = {
  name: "deno",
  get userAgent() {
    return `deno/${deno().version.deno}`;
  },
  capabilities,
  triesEveryAnchor: true,
  clock: denoClock,
  files: denoFiles,
  local: async () => (await import("./local-system.ts")).denoLocal,
  programs: lazyPrograms(async () => (await import("./programs.ts")).denoPrograms),
  env: (name) => (isDenied("env", name) ? undefined : deno().env.get(name)),
  isDenied,
  conflict,
  ignoresCertificateErrors,
  checkCertificate,
  openTransport,
  explain,
  onlyBySockets: new Set([
    "exclusiveTrust",
    "insecureSkipTlsVerify",
    "repeatsHeaders",
    "serverIdentity",
    "serverName",
  ]),
  sockets: {
    capabilities: socketCapabilities,
    triesEveryAnchor: true,
    checkCertificate,
    openTransport: openSocketTransport,
    explain,
  },
};
