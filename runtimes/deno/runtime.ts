/**
 * Deno, as the core sees it. Permissions are looked at and never prompted for: what is not granted counts
 * as unset.
 *
 * @module
 */

import { SourceError } from "../../src/errors.ts";
import { type Files, type Runtime, systemClock } from "../../src/runtime.ts";
import { lazyPrograms } from "../_shared/lazy-programs.ts";
import { exists } from "./exists.ts";
import { explain } from "./explain.ts";
import { type PermissionDescriptor, deno } from "./shim.ts";
import { conflict, openTransport } from "./transport.ts";

const files: Files = {
  async read(path, maxBytes, signal) {
    // Looked at before it is opened: opening a FIFO waits for its writer.
    const { isFile, size } = await deno().stat(path);
    if (!isFile) throw new SourceError("it is not a regular file", "unreadable");
    if (size > maxBytes) throw new SourceError(`it is larger than ${maxBytes} bytes`, "too-large");
    return await deno().readFile(path, { signal });
  },
  async exists(path) {
    if (isDenied("read", path)) return false;
    return await exists(path).catch(() => false);
  },
};

function isDenied(kind: "env" | "read" | "net" | "run", name: string): boolean {
  return deno().permissions.querySync(descriptor(kind, name)).state !== "granted";
}

function descriptor(kind: "env" | "read" | "net" | "run", name: string): PermissionDescriptor {
  switch (kind) {
    case "env":
      return { name: kind, variable: name };
    case "read":
      return { name: kind, path: name };
    case "net":
      return { name: kind, host: name };
    case "run":
      return { name: kind, command: name };
  }
}

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
    connectTimeout: false,
    files: true,
    sharedReads: true,
    resendsUntouchedStreams: false,
    recognisesUntrustedServers: true,
    clientCertificates: true,
    serverName: true,
    insecureSkipTlsVerify: true,
    proxies: ["http", "https", "socks5"],
    followsProxyEnvironment: true,
    repeatedHeaders: true,
    programs: true,
  },
  triesEveryAnchor: true,
  clock: systemClock,
  files,
  programs: lazyPrograms(async () => (await import("./programs.ts")).denoPrograms),
  env: (name) => (isDenied("env", name) ? undefined : deno().env.get(name)),
  isDenied,
  conflict,
  openTransport,
  explain,
};
