/**
 * How drop-ins report certificates that are about to expire, and which anchors are in use by servers.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { staticCaSource, staticClientCertSource } from "../../runtimes/node.ts";
import { startCluster } from "../contract/support/scene.ts";
import { createCa } from "../support/pki.ts";
import { ask, rotating } from "./support/drop-ins.ts";

const HOUR = 3_600_000;

describe.each(rotating)("$name", ({ open }) => {
  test("warns once about an anchor that is about to expire, and reports which one is in use", async () => {
    const ca = await createCa({ notAfter: new Date(Date.now() + 5 * HOUR) });
    const other = await createCa({ commonName: "other" });
    const { server } = await startCluster(await ca.issue(), ca);
    const bundle = staticCaSource(other.pem + ca.pem);
    const dropIn = open({ ca: bundle, warnBeforeExpiryMs: [6 * HOUR] });
    await ask(dropIn, `${server.origin}/version`);
    await ask(dropIn, `${server.origin}/version`);
    const warnings = dropIn.events.filter(({ type }) => type === "ca-expiring");
    expect(warnings).toMatchObject([{ subject: "CN=kubernetes", distanceMs: 6 * HOUR }]);
    expect(dropIn.status()).toMatchObject({
      ca: { anchors: [{ inUse: false }, { inUse: true, lastUsedAt: expect.any(Number) }] },
    });
  });

  test("warns once of a client certificate that is about to expire", async () => {
    const clients = await createCa({ commonName: "clients" });
    const { ca, server } = await startCluster({ clientCa: clients.pem });
    const notAfter = new Date(Date.now() + 5 * HOUR);
    const { cert, key } = await clients.issue({ client: true, commonName: "alice", notAfter });
    const dropIn = open({
      ca: staticCaSource(ca.pem),
      clientCert: staticClientCertSource({ certificate: cert, key }),
      warnBeforeExpiryMs: [6 * HOUR],
    });
    await ask(dropIn, `${server.origin}/version`);
    await ask(dropIn, `${server.origin}/version`);
    const warnings = dropIn.events.filter(({ type }) => type.endsWith("-expiring"));
    expect(warnings).toMatchObject([
      { type: "client-cert-expiring", subject: "CN=alice", distanceMs: 6 * HOUR },
    ]);
  });

  test("rejects an invalid list of warning distances", () => {
    expect(() => open({ warnBeforeExpiryMs: 5 as never })).toThrow(TypeError);
  });
});
