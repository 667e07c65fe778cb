/**
 * Certificates that are about to expire, and which anchors are still in use by servers.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { CaStatus, ReanchorEvent } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import { bindFunctionCaSource } from "../../src/sources/ca-source.ts";
import { bindFileClientCertSource } from "../../src/sources/client-cert-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { exclusiveTrusts } from "./support/traits.ts";
import { createPairFiles } from "./support/pair-files.ts";
import {
  connectClient,
  createVolume,
  observe,
  startCluster,
  timedRuntime,
} from "./support/scene.ts";

const HOUR = 3_600_000;

function expiring(events: ReanchorEvent[]): ReanchorEvent[] {
  return events.splice(0).filter(({ type }) => type.endsWith("-expiring"));
}

test("get() emits ca-expiring and client-cert-expiring once for each warning distance", async () => {
  const clients = await createCa({ commonName: "clients" });
  const { ca, server } = await startCluster({ clientCa: clients.pem });
  // Both expire in one day.
  const files = await createPairFiles(await clients.issue({ client: true, commonName: "alice" }));
  const clock = new ManualClock(new Date());
  const runtime = timedRuntime(clock);
  const { kube, events } = await observe(runtime, {
    config: {
      server: server.origin,
      ca: bindFunctionCaSource(runtime)(() => ca.pem),
      clientCert: bindFileClientCertSource(runtime)(files.paths),
    },
    warnBeforeExpiryMs: [2 * HOUR, HOUR],
  });
  await kube.get("/version");
  expect(expiring(events)).toEqual([]);
  for (const hours of [2, 1]) {
    await clock.advance(hours === 2 ? 22 * HOUR + 60_000 : HOUR);
    await kube.get("/version");
    await kube.get("/version");
    const distanceMs = hours * HOUR;
    const [anchor, certificate, ...others] = expiring(events);
    expect(anchor).toMatchObject({ type: "ca-expiring", source: "function", distanceMs });
    expect(anchor).toHaveProperty("inUse", entry.runtime.capabilities.revealsChains || undefined);
    expect(certificate).toMatchObject({ subject: "CN=alice", distanceMs });
    expect(certificate).toHaveProperty("type", "client-cert-expiring");
    expect(others).toEqual([]);
  }
});

test("connect() warns about certificates in a config that never change", async () => {
  const ca = await createCa({ notAfter: new Date(Date.now() + 5 * HOUR) });
  const { server } = await startCluster(await ca.issue(), ca);
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  const { kube, events } = await connectClient({ config, warnBeforeExpiryMs: [6 * HOUR] });
  await kube.get("/version");
  expect(expiring(events)).toMatchObject([{ type: "ca-expiring", source: "memory" }]);
});

test("connect() warns about a certificate once, even if the kubeconfig changes", async () => {
  const { ca, server } = await startCluster();
  const kubeconfigFor = (namespace: string) =>
    JSON.stringify({
      "current-context": "a",
      contexts: [{ name: "a", context: { cluster: "a", namespace } }],
      clusters: [
        {
          name: "a",
          cluster: { server: server.origin, "certificate-authority-data": btoa(ca.pem) },
        },
      ],
    });
  const volume = await createVolume({ token: kubeconfigFor("before") });
  const { kube, events } = await connectClient({
    config: await entry.kubeconfig({ path: volume.tokenFile, reloadIntervalMs: 0 }),
    warnBeforeExpiryMs: [48 * HOUR],
  });
  await kube.get("/version");
  await volume.write({ token: kubeconfigFor("after") });
  await kube.get("/version");
  expect(kube.namespace).toBe("after");
  expect(expiring(events)).toHaveLength(1);
});

test("connect() rejects an invalid list of warning distances", async () => {
  const options = { config: { server: "https://127.0.0.1:1" }, warnBeforeExpiryMs: 5 };
  await expect(entry.connect(options as never)).rejects.toThrow(TypeError);
});

describe.each(exclusiveTrusts)("anchors, exclusiveTrust: %j", (exclusiveTrust) => {
  const isRevealed = entry.runtime.capabilities.revealsChains || exclusiveTrust;

  function inUse(status: CaStatus | undefined): (boolean | undefined)[] {
    return (status?.anchors ?? []).map((anchor) => anchor.inUse);
  }

  const revealed = (...states: boolean[]) =>
    states.map((state) => (isRevealed ? state : undefined));

  test.each([true, false])(
    "status() reports which anchors the server's chain leads to, through a rotation (key identifiers: %s)",
    async (keyIdentifiers) => {
      const { ca: old, server } = await startCluster({}, await createCa({ keyIdentifiers }));
      const next = await createCa({ keyIdentifiers });
      const volume = await createVolume({ ca: old.pem + next.pem });
      const ca = entry.fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
      const { kube } = await connectClient({
        config: { server: server.origin, ca },
        exclusiveTrust,
      });
      expect(inUse(kube.status().ca)).toEqual([undefined, undefined]);
      await kube.get("/version");
      expect(inUse(kube.status().ca)).toEqual(revealed(true, false));
      const usedAt = kube.status().ca?.anchors.map(({ lastUsedAt }) => typeof lastUsedAt);
      expect(usedAt).toEqual([isRevealed ? "number" : "undefined", "undefined"]);

      await server.swap({ ...(await next.issue()), forgetSessions: true });
      await server.dropConnections();
      await kube.get("/version");
      expect(inUse(kube.status().ca)).toEqual(revealed(true, true));

      // Only the new anchor is left, in a bundle that has not verified a server yet.
      await volume.write({ ca: next.pem });
      await ca.reload();
      expect(inUse(kube.status().ca)).toEqual([undefined]);
      await kube.get("/version");
      expect(inUse(kube.status().ca)).toEqual(revealed(true));
    },
  );

  test("status() counts connections of exec", async () => {
    const { ca, server } = await startCluster();
    const bundle = (await createCa({ commonName: "other" })).pem + ca.pem;
    const config = { server: server.origin, ca: entry.staticCaSource(bundle) };
    const { kube } = await connectClient({ config, exclusiveTrust });
    await kube.resource(Pod).execText("web", ["exit", "0"]);
    // Streams into pods go through `node:tls` on every runtime.
    expect(inUse(kube.status().ca)).toEqual([false, true]);
  });

  test("fetch.status() reports it too", async () => {
    const { ca, server } = await startCluster();
    const other = await createCa({ commonName: "other" });
    await using fetch = entry.createFetch({
      ca: entry.staticCaSource(other.pem + ca.pem),
      exclusiveTrust,
    });
    await (await fetch(`${server.origin}/version`)).text();
    expect(inUse(fetch.status().ca)).toEqual(revealed(false, true));
  });
});
