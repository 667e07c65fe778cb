/**
 * The table of chains in each runtime, compared with the verdicts of Go's `crypto/x509`.
 *
 * @module
 */

import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { SourceError, UntrustedServerError } from "../../src/index.ts";
import type { ChainCase } from "../support/chains/table.ts";
import verdicts from "../support/chains/verdicts.json" with { type: "json" };
import { type Verifier, differences } from "./support/chain-differences.ts";
import { entry, http, lane } from "./support/entry.ts";
import { hasExclusiveTransport } from "./support/traits.ts";
import { connectClient, control } from "./support/scene.ts";

const chains = new Map((await control.chains()).map((row) => [row.name, row]));
// A proxy that leads every name of the table to its server.
const proxy = await control.proxy({ scheme: "http" });
afterAll(() => proxy.close());

const verifiers = verifiersOf(navigator.userAgent);

function verifiersOf(userAgent: string): readonly Verifier[] {
  if (lane === "deno" && http === "sockets") return ["deno, exclusively"];
  if (hasExclusiveTransport) return [lane, "deno, exclusively"];
  return [userAgent === "Node.js/22" ? "node 22" : lane];
}

const isIpv6 = (host: string): boolean => host.includes(":");
const isAddress = (host: string): boolean => isIpv6(host) || /^[\d.]+$/.test(host);

/** Whether a client gets a response. Fails if the request fails for a reason other than trust. */
async function isTrusted(row: ChainCase, verifier: Verifier): Promise<boolean> {
  const { host, chain, key, bundle } = row;
  const exclusive = verifier === "deno, exclusively";
  const server = await control.serve({
    cert: chain,
    key,
    weak: true,
    ...(exclusive && isIpv6(host) && { host: "::1" }),
  });
  onTestFinished(() => server.close());
  const origin = `https://${isIpv6(host) ? `[${host}]` : host}:${server.port}`;
  const { kube } = await connectClient({
    exclusiveTrust: exclusive,
    config: {
      ca: entry.staticCaSource(bundle),
      ...(exclusive
        ? { server: server.origin, ...(!isAddress(host) && { serverName: host }) }
        : { server: origin, proxy: proxy.url }),
    },
  });
  try {
    await kube.get("/version");
    return true;
  } catch (error) {
    // Rejected by the handshake, or because no certificate of the bundle may be an anchor.
    if (!(error instanceof UntrustedServerError || error instanceof SourceError)) throw error;
    expect(await server.stats()).toMatchObject({ requests: 0 });
    return false;
  }
}

test("the table has at least sixty chains, and Go's verdict on each", () => {
  expect(Object.keys(verdicts).length).toBeGreaterThan(60);
  expect([...chains.keys()].sort()).toEqual(Object.keys(verdicts).sort());
});

describe.each(verifiers)("by %s", (verifier) => {
  const own = differences.filter(({ on }) => on.includes(verifier));
  const differing = new Set(own.flatMap((difference) => difference.chains));

  test.each(Object.entries(verdicts))("get() judges %s as Go does: %s", async (name, verdict) => {
    const row = chains.get(name);
    if (row === undefined) throw new Error(`Cannot judge ${name}: the table has no such row`);
    const byGo = verdict === "trusted";
    expect(await isTrusted(row, verifier)).toBe(differing.has(name) ? !byGo : byGo);
  });

  test("capabilities name every chain that is trusted although Go rejects it", () => {
    const found = [...differing].filter((name) => verdicts[name as never] !== "trusted");
    const declared = own.filter((difference) => difference.lax !== undefined);
    expect(new Set(found)).toEqual(new Set(declared.flatMap((difference) => difference.chains)));
    const { laxChains } = entry.runtime.capabilities;
    // The last one depends on the time: see anchor-dates.test.ts.
    const inTable = laxChains.filter((lax) => lax !== "expired-since-verified");
    const expected = verifier === "deno, exclusively" ? [] : inTable;
    expect(new Set(declared.map((difference) => difference.lax))).toEqual(new Set(expected));
  });
});
