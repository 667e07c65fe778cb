/**
 * A CA source that reads the ClusterTrustBundles of a signer.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import type { CaSource, ClusterTrustBundleOptions, KubeClient } from "../../src/index.ts";
import type { Closable } from "../../src/sources/push-source.ts";
import { bindClusterTrustBundleSource } from "../../src/client/cluster-trust-bundle-source.ts";
import { trustKinds } from "../../src/testing/model/served-kinds.ts";
import type { RemoteFakeApi } from "../support/remote-fake-api.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { connectQuicklyTo } from "./support/quickly.ts";
import { rejection, startCluster, until } from "./support/scene.ts";

const signerName = "example.com/services";
interface Scene {
  readonly api: RemoteFakeApi;
  readonly kube: KubeClient;
  /** Publishes a ClusterTrustBundle. */
  put(
    name: string,
    trustBundle: string,
    signer?: string,
    labels?: Record<string, string>,
  ): Promise<void>;
  /** A source, closed when the test ends, and the events that it emits. */
  open(options?: Partial<ClusterTrustBundleOptions>): { ca: CaSource & Closable; types: string[] };
}

async function start(): Promise<Scene> {
  const { ca, server } = await startCluster({ fakeApi: { kinds: trustKinds } });
  const { kube } = await connectQuicklyTo({ ca, server }, {});
  const api = server.fake;
  return {
    api,
    kube,
    async put(name, trustBundle, signer = signerName, labels = {}) {
      const spec = { signerName: signer, trustBundle };
      await api.put("clustertrustbundles", { metadata: { name, labels }, spec });
    },
    open(options = {}) {
      const source = entry.clusterTrustBundleSource(kube, { signerName, ...options });
      onTestFinished(() => source.close());
      const types: string[] = [];
      source.subscribe(({ type }) => void types.push(type));
      return { ca: source, types };
    },
  };
}

function subjects(ca: CaSource): string[] {
  return (ca.peek()?.anchors ?? []).map(({ subject }) => subject).toSorted();
}

async function pemOf(commonName: string): Promise<string> {
  return (await createCa({ commonName })).pem;
}

describe("clusterTrustBundleSource()", () => {
  test("merges the signer's bundles without duplicates, and ignores all others", async () => {
    const { put, open } = await start();
    const [a, b, c] = await Promise.all([pemOf("a"), pemOf("b"), pemOf("c")]);
    await put("first", a + b);
    await put("second", b + a.trimEnd());
    await put("other", c, "example.com/others");
    const { ca } = open();
    expect((await ca.current()).certificates).toHaveLength(2);
    expect(subjects(ca)).toEqual(["CN=a", "CN=b"]);
    expect(ca.status).toMatchObject({
      kind: "ca",
      source: `ClusterTrustBundles of ${signerName}`,
      failures: 0,
    });
  });

  test("follows additions, changes and deletions, even when it is not used", async () => {
    const { api, put, open } = await start();
    await put("first", await pemOf("a"));
    const { ca, types } = open();
    await ca.current();
    await put("second", await pemOf("b"));
    await until("it is added", async () => subjects(ca).join() === "CN=a,CN=b");
    await put("first", await pemOf("c"));
    await until("it is changed", async () => subjects(ca).join() === "CN=b,CN=c");
    await api.remove("clustertrustbundles", undefined, "second");
    await until("it is deleted", async () => subjects(ca).join() === "CN=c");
    expect(types.filter((type) => type !== "ca-unchanged")).toEqual([
      "ca-reloaded",
      "ca-reloaded",
      "ca-reloaded",
    ]);
  });

  test("follows through cut and expired watches", async () => {
    const { api, put, open } = await start();
    await put("first", await pemOf("a"));
    const { ca } = open();
    await ca.current();
    await until("it watches", async () => (await api.openWatches()).length > 0);
    await api.endWatches();
    await put("second", await pemOf("b"));
    await until("it is added", async () => subjects(ca).join() === "CN=a,CN=b");
    await api.expireWatches();
    await put("third", await pemOf("c"));
    await until("it is added", async () => subjects(ca).join() === "CN=a,CN=b,CN=c");
  });

  test("selects by labels", async () => {
    const { put, open } = await start();
    await put("first", await pemOf("a"), signerName, { live: "true" });
    await put("second", await pemOf("b"), signerName, { live: "false" });
    const { ca } = open({ labelSelector: { live: "true" } });
    await ca.current();
    expect(subjects(ca)).toEqual(["CN=a"]);
  });

  test("fails if no bundle matches, and trusts nothing instead", async () => {
    const { open } = await start();
    expect(await rejection(open().ca.current())).toMatchObject({
      name: "SourceError",
      message: expect.stringContaining(`from ClusterTrustBundles of ${signerName}: it is empty`),
    });
  });

  test("keeps the last good bundle when the last one is deleted or one is broken", async () => {
    const { api, put, open } = await start();
    await put("first", await pemOf("a"));
    const { ca, types } = open();
    await ca.current();
    await api.remove("clustertrustbundles", undefined, "first");
    await until("it has failed", async () => types.includes("reload-failed"));
    await put("second", "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n");
    await until("it has failed again", async () => ca.status.failures > 1);
    expect(subjects(ca)).toEqual(["CN=a"]);
    await put("second", await pemOf("b"));
    await until("it is good again", async () => subjects(ca).join() === "CN=b");
    expect(ca.status).toMatchObject({ failures: 0, lastError: undefined });
  });

  test("reports in its status that the API server rejects it or is gone, and keeps the bundle", async () => {
    const { api, kube, put, open } = await start();
    await put("first", await pemOf("a"));
    const { ca } = open({ reloadIntervalMs: 0 });
    await ca.current();
    await api.faults.next({ verb: "list" }, { status: 403 });
    await ca.current();
    expect(ca.status.lastError).toContain("403");
    await until("it recovers", async () => {
      await ca.current();
      return ca.status.failures === 0;
    });
    await kube.close();
    await ca.current();
    expect(ca.status.lastError).toContain("the client was closed");
    expect(subjects(ca)).toEqual(["CN=a"]);
  });

  test("starts one watch at the first use, and keeps it until close()", async () => {
    const { api, put, open } = await start();
    await put("first", await pemOf("a"));
    const { ca } = open({ reloadIntervalMs: 0 });
    expect(await api.requests()).toEqual([]);
    await Promise.all([ca.current(), ca.current()]);
    await ca.reload();
    await ca.current();
    await until("it watches", async () => (await api.openWatches()).length === 1);
    ca.close();
    await until("it does not watch", async () => (await api.openWatches()).length === 0);
    await put("second", await pemOf("b"));
    await ca.current();
    expect(subjects(ca)).toEqual(["CN=a"]);
    expect(ca.status.lastError).toContain("it was closed");
    const watches = (await api.requests()).filter(({ verb }) => verb === "watch");
    expect(watches).toHaveLength(1);
  });

  test("lists and never watches on runtimes that can't share promises", async () => {
    const { api, kube, put } = await start();
    await put("first", await pemOf("a"));
    const capabilities = { ...entry.runtime.capabilities, sharedReads: false };
    const make = bindClusterTrustBundleSource({ ...entry.runtime, capabilities });
    const ca = make(kube, { signerName, reloadIntervalMs: 0 });
    await ca.current();
    await put("second", await pemOf("b"));
    await ca.current();
    expect(subjects(ca)).toEqual(["CN=a", "CN=b"]);
    expect((await api.requests()).map(({ verb }) => verb)).toEqual(["list", "list"]);
  });

  test("lets a fetch follow a rotation of the service's CA", async () => {
    const { put, open } = await start();
    const service = await startCluster();
    await put("services", service.ca.pem);
    const fetch = entry.createFetch({ ca: open().ca });
    onTestFinished(() => fetch.close());
    const ask = async () => (await fetch(`${service.server.origin}/version`)).status;
    expect(await ask()).toBe(200);
    const next = await createCa();
    await put("services", next.pem);
    await service.server.swap({ ...(await next.issue()), forgetSessions: true });
    await service.server.dropConnections();
    expect(await ask()).toBe(200);
  });

  test.each<[string, unknown, unknown]>([
    ["a promise of a client", Promise.resolve({}), { signerName }],
    ["no client", undefined, { signerName }],
    ["no signer", undefined, {}],
    ["an empty signer", undefined, { signerName: "" }],
    ["no options", undefined, undefined],
  ])("rejects %s", async (what, client, options) => {
    const { kube } = await start();
    const given = what.includes("client") ? client : kube;
    expect(() => entry.clusterTrustBundleSource(given as never, options as never)).toThrow(
      TypeError,
    );
  });
});
