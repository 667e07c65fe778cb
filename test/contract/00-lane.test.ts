/**
 * Which runtime this is, and what it declares of itself.
 *
 * @module
 */

import process from "node:process";
import { expect, test } from "vitest";
import type { Capabilities } from "../../src/runtime.ts";
import { entry, http, lane } from "./support/entry.ts";

const userAgents: Readonly<Record<typeof lane, RegExp>> = {
  node: /^Node\.js\/(22|24|26)$/,
  deno: /^Deno\/2\./,
  bun: /^Bun\/1\./,
};

test("the lane is the runtime that it says it is", () => {
  expect(navigator.userAgent).toMatch(userAgents[lane]);
  expect(entry.runtime.name).toBe(lane);
  const expected = process.env["REANCHOR_LANE"];
  // Set where a lane is chosen by name, as `node22`.
  if (expected !== undefined) expect(expected).toMatch(laneNames(navigator.userAgent));
});

function laneNames(userAgent: string): RegExp {
  const [name, major] = userAgent.split(/[/.]/).filter((part) => part !== "js");
  const plain = name === "Node" ? `node${major}` : name?.toLowerCase();
  return new RegExp(`^${plain}${http === "sockets" ? "-sockets" : ""}$`);
}

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
  laxChains: [],
  clientCertificates: true,
  serverName: true,
  serverIdentity: true,
  insecureSkipTlsVerify: true,
  upgrades: "streams",
  proxies: ["http", "https", "socks5"],
  followsProxyEnvironment: false,
  repeatedHeaders: true,
  programs: true,
  sockets: true,
  http2: false,
};

/** What a runtime has beside those, or lacks of them. */
const differences: Readonly<Record<typeof lane, Partial<Capabilities>>> = {
  node: { connectTimeout: true, revealsChains: true },
  bun: {
    laxChains: ["sha1-of-intermediate"],
    proxies: ["http", "https"],
    repeatedHeaders: false,
  },
  deno: {
    customCa: "additive",
    rejectsLateHandshakes: false,
    resendsUntouchedStreams: false,
    laxChains: ["path-length-of-anchor", "key-usage-of-intermediate", "expired-since-verified"],
    followsProxyEnvironment: true,
    http2: true,
  },
};

/** The same if HTTP is the core's own. */
const overSockets: Readonly<Record<typeof lane, Partial<Capabilities>>> = {
  node: {},
  bun: { laxChains: ["sha1-of-intermediate"] },
  deno: {},
};

test("capabilities declare what this runtime lacks", () => {
  const bySockets = { connectTimeout: true, revealsChains: true, ...overSockets[lane] };
  const own = http === "sockets" ? bySockets : differences[lane];
  expect(entry.runtime.capabilities).toEqual({ ...capabilities, ...own });
});
