/**
 * Clause a: the cluster's CA is trusted, another is rejected.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { CaSource } from "../../src/index.ts";
import { authorityKinds } from "./support/authorities.ts";
import { entry, http } from "./support/entry.ts";
import { traits } from "./support/traits.ts";
import { connectClient, createVolume, rejection, startCluster, types } from "./support/scene.ts";

const { UntrustedServerError } = entry;
const HOUR_MS = 3_600_000;

/** Dates of a certificate that expired an hour ago. */
function past(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 48 * HOUR_MS), notAfter: new Date(now - HOUR_MS) };
}

/** A source that counts how often it is read. */
function countedSource(pem: () => string): { source: CaSource; reads(): number } {
  let reads = 0;
  const source = entry.functionCaSource(() => {
    reads += 1;
    return pem();
  });
  return { source, reads: () => reads };
}

describe.each(authorityKinds)("$kind", ({ next, settings }) => {
  test("fetch() trusts the cluster's CA and rejects a server of another", async () => {
    const { ca, server } = await startCluster({}, await next());
    const { server: foreign } = await startCluster({}, await next());
    const { source, reads } = countedSource(() => ca.pem);

    const config = { server: server.origin, ca: source };
    const { kube } = await connectClient({ config, ...settings });
    expect(await kube.get("/version")).toHaveProperty("gitVersion");

    const foreignConfig = { server: foreign.origin, ca: source };
    const { kube: lost } = await connectClient({ config: foreignConfig, ...settings });
    const error = await rejection(lost.post("/echo", { secret: "never sent" }));
    expect(error).toBeInstanceOf(UntrustedServerError);
    const { fingerprint } = await source.current();
    expect(error).toMatchObject({
      code: "ERR_REANCHOR_UNTRUSTED_SERVER",
      reason: "unknown-authority",
      server: foreign.origin,
      caSource: "function",
      fingerprint,
    });
    // It names the trusted CA, its source and its age.
    const [anchor] = (await source.current()).anchors;
    expect(String(error)).toContain(anchor?.subject);
    expect(String(error)).toContain(anchor?.fingerprint.slice(0, 16));
    expect(String(error)).toMatch(/from function, read \d+ ms ago/);
    expect((await foreign.stats()).requests).toBe(0);
    expect(reads()).toBe(2);
  });

  test("fetch() rejects a certificate for another host without a reload or a retry", async () => {
    const ca = await next();
    const { server } = await startCluster(await ca.issue({ hosts: ["cluster.example"] }), ca);
    const { source, reads } = countedSource(() => ca.pem);
    const { kube, events } = await connectClient({
      config: { server: server.origin, ca: source },
      ...settings,
    });

    const error = await rejection(kube.get("/version"));
    expect(error).toBeInstanceOf(UntrustedServerError);
    expect(error).toMatchObject({ reason: "wrong-host" });
    expect(String(error)).toContain("127.0.0.1");
    expect(reads()).toBe(1);
    expect(types(events)).toEqual(["generation-opened"]);
    expect(await server.stats()).toMatchObject({ connections: 1, requests: 0 });
  });

  test("fetch() rejects an expired certificate after one reload", async () => {
    const ca = await next();
    const { server } = await startCluster(await ca.issue(past()), ca);
    const { source, reads } = countedSource(() => ca.pem);
    const { kube, events } = await connectClient({
      config: { server: server.origin, ca: source },
      ...settings,
    });

    const error = await rejection(kube.get("/version"));
    expect(error).toBeInstanceOf(UntrustedServerError);
    // Deno's `node:tls` has one code for all rejections except a wrong name.
    const isByNodeTls = http === "sockets" || settings.exclusiveTrust === true;
    const tellsExpiry = traits.tellsExpiryByNodeTls || !isByNodeTls;
    expect(error).toMatchObject({ reason: tellsExpiry ? "expired" : "unknown-authority" });
    expect(reads()).toBe(2);
    expect(types(events)).toEqual(["generation-opened", "ca-unchanged"]);
    expect(await server.stats()).toMatchObject({ connections: 1, requests: 0 });
  });

  test.each(["both", "the renewal alone"])(
    "fetch() ignores an expired anchor when the file contains %s",
    async (what) => {
      const expired = await next(past());
      const { commonName, keys } = expired;
      const renewed = await next({ commonName, keys });
      const { server } = await startCluster({}, renewed);
      const volume = await createVolume({ ca: expired.pem });
      const { kube } = await connectClient({
        config: { server: server.origin, ca: entry.fileCaSource(volume.caFile) },
        ...settings,
      });
      const before = kube.status().ca?.fingerprint;

      await volume.write({ ca: what === "both" ? expired.pem + renewed.pem : renewed.pem });
      expect(await kube.get("/version")).toHaveProperty("gitVersion");
      expect((await server.stats()).requests).toBe(1);
      expect(kube.status().ca?.fingerprint).not.toBe(before);
    },
  );

  test.each(["first", "last"])(
    "fetch() trusts a bundle that has contained an anchor and its renewal from the start, expired %s",
    async (where) => {
      const expired = await next(past());
      const { commonName, keys } = expired;
      const renewed = await next({ commonName, keys });
      const { server } = await startCluster({}, renewed);
      const pems = [expired.pem, renewed.pem];
      const bundle = (where === "first" ? pems : pems.toReversed()).join("");
      const { kube } = await connectClient({
        config: { server: server.origin, ca: entry.staticCaSource(bundle) },
        ...settings,
      });
      expect(await kube.get("/version")).toHaveProperty("gitVersion");
      expect((await server.stats()).requests).toBe(1);
    },
  );
});

test("connect() rejects an empty bundle, and never falls back to the default store", async () => {
  const { server } = await startCluster();
  const ca = entry.functionCaSource(() => "");
  const error = await rejection(connectClient({ config: { server: server.origin, ca } }));
  expect(error).toBeInstanceOf(entry.ConfigError);
  expect(String(error)).toContain("it is empty");
  expect((await server.stats()).connections).toBe(0);
});
