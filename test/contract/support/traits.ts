/**
 * What a lane's runtime does in its own way, beside the capabilities that it declares: what a test expects goes by
 * these, and never by a runtime's name.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Capabilities, SocketsOnlySetting } from "../../../src/runtime.ts";
import { chooseHttp } from "../../../src/transport/http-way.ts";
import { entry, http, lane } from "./entry.ts";

/** What runtimes do differently. */
export interface Traits {
  /** It may open a connection for a request, and then send the request on another one that is free earlier. */
  readonly opensSpareConnections: boolean;
  /** A connection takes another request after a HEAD. */
  readonly reusesAfterHead: boolean;
  /** Methods that it would repeat by itself are given a connection of their own, where nothing is lost. */
  readonly givesRepeatableMethodsAConnection: boolean;
  /** It repeats requests by itself whose connection was lost: all, those whose connection was closed, or none. */
  readonly repeatsLostRequests: "all" | "closed" | "none";
  /** It resumes TLS sessions as a client. */
  readonly resumesSessions: boolean;
  /** It has command line flags that choose the store of CAs. */
  readonly hasStoreFlags: boolean;
  /** It has a command line flag that ignores errors of certificates. */
  readonly hasIgnoreFlag: boolean;
  /** An http or https proxy alone gets the credentials for it. */
  readonly keepsProxyCredentials: boolean;
  /** The way through a proxy is reanchor's own: it shows the proxy no certificate, and knows what the proxy says. */
  readonly hasOwnTunnels: boolean;
  /** It asks for permissions. */
  readonly hasPermissions: boolean;
  /** It ends a program together with the programs that this one has started. */
  readonly killsProcessGroups: boolean;
  /** `node:tls` says of an expired certificate that it has expired. */
  readonly tellsExpiryByNodeTls: boolean;
  /** A server of `node:tls` can rotate. */
  readonly rotatesServers: boolean;
  /** A server resumes a session whose CA was away meanwhile. */
  readonly resumesAfterCaReturns: boolean;
  /** A server of TLS 1.2 resumes sessions from the owner's store, and takes ticket keys and pre-shared keys. */
  readonly hasServerSessions: boolean;
  /** What runs TypeScript from this folder, beside the program's name. */
  readonly runFlags: readonly string[];
}

/** Deno's settings that need no registry. */
const offlineConfig = fileURLToPath(new URL("../../../deno.offline.json", import.meta.url));

const ofNode: Traits = {
  opensSpareConnections: false,
  reusesAfterHead: false,
  givesRepeatableMethodsAConnection: false,
  repeatsLostRequests: "none",
  resumesSessions: true,
  hasStoreFlags: true,
  hasIgnoreFlag: false,
  keepsProxyCredentials: true,
  hasOwnTunnels: true,
  hasPermissions: false,
  killsProcessGroups: true,
  tellsExpiryByNodeTls: true,
  rotatesServers: true,
  resumesAfterCaReturns: false,
  hasServerSessions: true,
  runFlags: [],
};

const all: Readonly<Record<typeof lane, Traits>> = {
  node: ofNode,
  bun: {
    ...ofNode,
    reusesAfterHead: true,
    givesRepeatableMethodsAConnection: true,
    repeatsLostRequests: "all",
    resumesSessions: false,
    hasOwnTunnels: false,
    rotatesServers: false,
    hasServerSessions: false,
  },
  deno: {
    ...ofNode,
    opensSpareConnections: true,
    reusesAfterHead: true,
    repeatsLostRequests: "closed",
    hasStoreFlags: false,
    hasIgnoreFlag: true,
    keepsProxyCredentials: false,
    hasOwnTunnels: false,
    hasPermissions: true,
    killsProcessGroups: false,
    tellsExpiryByNodeTls: false,
    resumesAfterCaReturns: true,
    hasServerSessions: false,
    runFlags: ["run", "-A", "--no-check", "--config", offlineConfig],
  },
};

/** What is the same on every runtime if HTTP is the core's own. */
const overSockets: Partial<Traits> = {
  opensSpareConnections: false,
  reusesAfterHead: true,
  givesRepeatableMethodsAConnection: false,
  repeatsLostRequests: "none",
  resumesSessions: lane === "node",
  hasIgnoreFlag: false,
  keepsProxyCredentials: true,
  hasOwnTunnels: true,
};

/** What this runtime does in its own way. */
export const traits: Traits = http === "sockets" ? { ...all[lane], ...overSockets } : all[lane];

/** What a client of these settings does and can do: a runtime may honour them over sockets alone. */
export function abilitiesBy(settings: Partial<Record<SocketsOnlySetting, unknown>>): {
  readonly capabilities: Capabilities;
  readonly traits: Traits;
} {
  const chosen = chooseHttp(entry.runtime, undefined, settings);
  return {
    capabilities: chosen.runtime.capabilities,
    traits: chosen.http === "sockets" ? { ...traits, ...overSockets } : traits,
  };
}

/** Whether exclusive trust has to be asked for, and goes over sockets. */
export const hasExclusiveTransport: boolean = entry.runtime.capabilities.customCa === "additive";

/** The values of `exclusiveTrust` that make a difference. */
export const exclusiveTrusts: readonly boolean[] = hasExclusiveTransport ? [false, true] : [false];
