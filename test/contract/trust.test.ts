/**
 * Clause a: the cluster's CA is trusted, another is refused.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { createCa } from "../support/pki.ts";
import { authorityKinds } from "./support/authorities.ts";
import { entry, lane } from "./support/entry.ts";
import { connectClient, control, createVolume, rejection, startCluster } from "./support/scene.ts";

const { UntrustedServerError } = entry;
const hour = 3_600_000;

/** A source that counts how often it is read. */
function countedSource(pem: () => string): { source: ReturnType<typeof entry.functionCaSource>; reads(): number } {
  let reads = 0;
  const source = entry.functionCaSource(() => {
    reads += 1;
    return pem();
  });
  return { source, reads: () => reads };
}

describe.each(authorityKinds)("$kind", ({ next }) => {
  test("fetch() trusts the cluster's CA and refuses a server of another", async () => {
    const { ca, server } = await startCluster({}, await next());
    const { server: foreign } = await startCluster({}, await next());
    const { source, reads } = countedSource(() => ca.pem);

    const { kube } = await connectClient({ config: { server: server.origin, ca: source } });
    expect(await kube.get("/version")).toHaveProperty("gitVersion");

    const { kube: lost } = await connectClient({ config: { server: foreign.origin, ca: source } });
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
    // Whom it trusted, from where, how old.
    const [anchor] = (await source.current()).anchors;
    expect(String(error)).toContain(anchor?.subject);
    expect(String(error)).toContain(anchor?.fingerprint.slice(0, 16));
    expect(String(error)).toMatch(/from function, read \d+ ms ago/);
    expect((await foreign.stats()).requests).toBe(0);
    expect(reads()).toBe(2);
  });

  test("fetch() survives an expired anchor whose renewal is in the file already", async () => {
    const past = { notBefore: new Date(Date.now() - 48 * hour), notAfter: new Date(Date.now() - hour) };
    const expired = await next(past);
    const { commonName, keys } = expired;
    const renewed = await next({ commonName, keys });
    const { server } = await startCluster({}, renewed);
    const volume = await createVolume({ ca: expired.pem });
    const { kube } = await connectClient({
      config: { server: server.origin, ca: entry.fileCaSource(volume.caFile) },
    });

    await volume.write({ ca: expired.pem + renewed.pem });
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
    // Deno asks no anchor for its dates, and so has nothing to survive.
    expect(kube.status().ca?.anchors).toHaveLength(lane === "deno" ? 1 : 2);
  });

  test("fetch() trusts a bundle that has held an anchor and its renewal from the start", async () => {
    const past = { notBefore: new Date(Date.now() - 48 * hour), notAfter: new Date(Date.now() - hour) };
    const expired = await next(past);
    const { commonName, keys } = expired;
    const renewed = await next({ commonName, keys });
    const { server } = await startCluster({}, renewed);
    const { kube } = await connectClient({
      config: { server: server.origin, ca: entry.staticCaSource(expired.pem + renewed.pem) },
    });
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
  });
});

test("fetch() refuses a certificate for another host, reads nothing and tries once", async () => {
  const ca = await createCa();
  const server = await control.serve(await ca.issue({ hosts: ["cluster.example"] }));
  const { source, reads } = countedSource(() => ca.pem);
  const { kube, events } = await connectClient({ config: { server: server.origin, ca: source } });

  const error = await rejection(kube.get("/version"));
  expect(error).toBeInstanceOf(UntrustedServerError);
  expect(error).toMatchObject({ reason: "wrong-host" });
  expect(String(error)).toContain("127.0.0.1");
  expect(reads()).toBe(1);
  expect(events.map(({ type }) => type)).not.toContain("retry");
  expect(await server.stats()).toMatchObject({ connections: 1, requests: 0 });
  await server.close();
});

test("fetch() refuses an expired certificate after one reload", async () => {
  const ca = await createCa();
  const notBefore = new Date(Date.now() - 2 * hour);
  const notAfter = new Date(Date.now() - hour);
  const server = await control.serve(await ca.issue({ notBefore, notAfter }));
  const { source, reads } = countedSource(() => ca.pem);
  const { kube } = await connectClient({ config: { server: server.origin, ca: source } });

  const error = await rejection(kube.get("/version"));
  expect(error).toBeInstanceOf(UntrustedServerError);
  expect(error).toMatchObject({ reason: "expired" });
  expect(reads()).toBe(2);
  expect(await server.stats()).toMatchObject({ connections: 1, requests: 0 });
  await server.close();
});

test("connect() refuses an empty bundle, and never falls back to the default store", async () => {
  const { server } = await startCluster();
  const ca = entry.functionCaSource(() => "");
  const error = await rejection(connectClient({ config: { server: server.origin, ca } }));
  expect(error).toBeInstanceOf(entry.ConfigError);
  expect(String(error)).toContain("it is empty");
  expect((await server.stats()).connections).toBe(0);
});
