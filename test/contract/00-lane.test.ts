/**
 * Which runtime the tests run in, and the capabilities that it declares.
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

test("the lane runs on the runtime that it names", () => {
  expect(navigator.userAgent).toMatch(userAgents[lane]);
  expect(entry.runtime.name).toBe(lane);
  const expected = process.env["REANCHOR_LANE"];
  // Set if the lane is chosen by name, such as `node22`.
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

/** The capabilities that a runtime has in addition, or lacks. */
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

/** The same when the core's own HTTP is used. */
const overSockets: Readonly<Record<typeof lane, Partial<Capabilities>>> = {
  node: {},
  bun: { laxChains: ["sha1-of-intermediate"] },
  deno: {},
};

test("capabilities declare what this runtime can't do", () => {
  const bySockets = { connectTimeout: true, revealsChains: true, ...overSockets[lane] };
  const own = http === "sockets" ? bySockets : differences[lane];
  expect(entry.runtime.capabilities).toEqual({ ...capabilities, ...own });
});
