/**
 * The table of chains, judged by the drop-ins and by the verifier that Deno is tested with.
 *
 * @module
 */

import process from "node:process";
import { isIP } from "node:net";
import { X509Certificate } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import { createSecureContextSource } from "../../runtimes/agents.ts";
import { readParts } from "../../src/certificates/certificate.ts";
import { pathToAnchor } from "../../src/certificates/chain.ts";
import { alternativeNames, includesHost } from "../../src/certificates/host-name.ts";
import { parseBundle } from "../../src/certificates/pem.ts";
import { staticCaSource } from "../../src/index.ts";
import { isSignedBy } from "../../runtimes/_shared/signature.ts";
import { differences } from "../contract/support/chain-differences.ts";
import { control } from "../contract/support/scene.ts";
import type { ChainCase } from "../support/chains/table.ts";
import verdicts from "../support/chains/verdicts.json" with { type: "json" };

const chains = new Map((await control.chains()).map((row) => [row.name, row]));
const verifier = process.versions.node.startsWith("22.") ? "node 22" : "node";
const differing = new Set(
  differences.filter(({ on }) => on.includes(verifier)).flatMap((difference) => difference.chains),
);

function chainOf(name: string): ChainCase {
  const row = chains.get(name);
  if (row === undefined) throw new Error(`Cannot judge ${name}: the table has no such row`);
  return row;
}

describe("createSecureContextSource()", () => {
  test.each(Object.entries(verdicts))("judges %s as Go does: %s", async (name, verdict) => {
    const { host, chain, key, bundle } = chainOf(name);
    const listensOn = isIP(host) === 6 ? "::1" : "127.0.0.1";
    const server = await control.serve({ cert: chain, key, weak: true, host: listensOn });
    const trust = createSecureContextSource({ ca: staticCaSource(bundle) });
    onTestFinished(async () => {
      trust.close();
      await server.close();
    });
    const target = isIP(host) === 0 ? { host: listensOn, servername: host } : { host };
    const [outcome] = await Promise.allSettled([trust.connect({ ...target, port: server.port })]);
    if (outcome.status === "rejected") {
      expect(["UntrustedServerError", "SourceError"]).toContain((outcome.reason as Error).name);
    }
    const byGo = verdict === "trusted";
    expect(outcome.status === "fulfilled").toBe(differing.has(name) ? !byGo : byGo);
  });
});

describe("pathToAnchor() and includesHost()", () => {
  // Name constraints are left to the TLS library.
  const rows = Object.entries(verdicts).filter(
    ([name, verdict]) =>
      verdict !== "name constraint" && name !== "names limited by directory alone",
  );

  test.each(rows)("judge %s as Go does: %s", (name, verdict) => {
    const { host, chain, bundle } = chainOf(name);
    const presented = parseBundle(chain).map(({ der }) => der);
    const [leaf] = parseBundle(chain);
    const anchors = parseBundle(bundle).map(({ der }) => der);
    const names = alternativeNames(readParts(leaf.der));
    const isTrusted =
      includesHost(names, host) &&
      pathToAnchor(presented, { anchors, now: Date.now(), isSignedBy }) !== undefined;
    expect(isTrusted).toBe(verdict === "trusted");
  });

  test("isSignedBy() agrees with Node's own X509Certificate, except for SHA-1", () => {
    for (const { name, chain, bundle } of chains.values()) {
      if (name.includes("SHA-1")) continue;
      const [leaf] = parseBundle(chain);
      const [anchor] = parseBundle(bundle);
      const byNode = new X509Certificate(leaf.pem).verify(
        new X509Certificate(anchor.pem).publicKey,
      );
      expect(isSignedBy(readParts(leaf.der), readParts(anchor.der)), name).toBe(byNode);
    }
  });
});
