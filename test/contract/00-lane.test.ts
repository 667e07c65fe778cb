/**
 * Which runtime this is, and what it declares of itself.
 *
 * @module
 */

import process from "node:process";
import { expect, test } from "vitest";
import { entry, lane } from "./support/entry.ts";

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
  return name === "Node" ? new RegExp(`^node${major}$`) : new RegExp(`^${name?.toLowerCase()}$`);
}

test("capabilities declare what this runtime lacks", () => {
  expect(entry.runtime.capabilities).toEqual({
    customCa: lane === "deno" ? "additive" : "exclusive",
    exclusiveTrust: true,
    closesIdleConnections: true,
    rejectsLateHandshakes: lane !== "deno",
    connectTimeout: lane === "node",
    files: true,
    sharedReads: true,
    resendsUntouchedStreams: lane !== "deno",
    recognisesUntrustedServers: true,
    laxChains: {
      node: [],
      bun: ["sha1-of-intermediate"],
      deno: ["path-length-of-anchor", "key-usage-of-intermediate", "expired-since-verified"],
    }[lane],
    clientCertificates: true,
    serverName: true,
    insecureSkipTlsVerify: true,
    upgrades: "streams",
    proxies: lane === "bun" ? ["http", "https"] : ["http", "https", "socks5"],
    followsProxyEnvironment: lane === "deno",
    repeatedHeaders: lane !== "bun",
    programs: true,
    http2: lane === "deno",
  });
});
