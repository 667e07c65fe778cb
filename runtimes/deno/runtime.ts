/**
 * Deno, as the core sees it. Permissions are looked at and never prompted for: what is not granted counts
 * as unset.
 *
 * @module
 */

import { type Runtime, systemClock } from "../../src/runtime.ts";
import { lazyPrograms } from "../_shared/lazy-programs.ts";
import { checkCertificate } from "./http-client.ts";
import { explain } from "./deno-errors.ts";
import { denoFiles } from "./files.ts";
import { isDenied } from "./permissions.ts";
import { deno } from "./shim.ts";
import { conflict, ignoresCertificateErrors, openTransport } from "./transport.ts";

/** Deno. */
export const denoRuntime: Runtime = {
  name: "deno",
  get userAgent() {
    return `deno/${deno().version.deno}`;
  },
  capabilities: {
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
    http2: true,
    upgrades: "streams",
  },
  triesEveryAnchor: true,
  clock: systemClock,
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
};
