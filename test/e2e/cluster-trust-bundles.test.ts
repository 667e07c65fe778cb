/**
 * ClusterTrustBundles as a CA source, and the manifests of the documentation, at a real server.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { ClusterTrustBundle, Pod, ServiceAccount } from "../../src/resources/index.ts";
import { entry } from "../contract/support/entry.ts";
import { createCa } from "../support/pki.ts";
import { until } from "../support/until.ts";
import { connectAdmin } from "./support/admin.ts";

async function pemOf(commonName: string): Promise<string> {
  return (await createCa({ commonName })).pem;
}

test("clusterTrustBundleSource() merges a signer's bundles, and follows them", async () => {
  const kube = await connectAdmin({});
  const bundles = kube.resource(ClusterTrustBundle);
  const id = crypto.randomUUID().slice(0, 8);
  const signerName = `example.com/services-${id}`;
  // A bundle's name starts with its signer's.
  const nameOf = (name: string) => `example.com:services-${id}:${name}`;
  async function put(name: string, trustBundle: string, labels: Record<string, string> = {}) {
    const metadata = { name: nameOf(name), labels };
    await bundles.apply(
      { metadata, spec: { signerName, trustBundle } },
      { fieldManager: "test", force: true },
    );
  }
  onTestFinished(async () => {
    const fieldSelector = { "spec.signerName": signerName };
    const { items } = await bundles.list({ fieldSelector });
    for (const { metadata } of items) await bundles.delete(metadata.name);
  });

  const [a, b, c] = await Promise.all([pemOf("a"), pemOf("b"), pemOf("c")]);
  await put("first", a + b, { live: "true" });
  await put("second", b);
  const all = entry.clusterTrustBundleSource(kube, { signerName });
  const live = entry.clusterTrustBundleSource(kube, { signerName, labelSelector: "live=true" });
  onTestFinished(() => all.close());
  onTestFinished(() => live.close());
  const subjects = () =>
    all
      .peek()
      ?.anchors.map(({ subject }) => subject)
      .toSorted();
  expect((await all.current()).certificates).toHaveLength(2);
  expect(subjects()).toEqual(["CN=a", "CN=b"]);
  await live.current();

  await put("second", c);
  await until("it is changed", async () => subjects()?.join() === "CN=a,CN=b,CN=c");
  await bundles.delete(nameOf("first"));
  await until("it is deleted", async () => subjects()?.join() === "CN=c");
  // The last live bundle is gone. Nothing else is trusted instead.
  await until("it has failed", async () => live.status.failures > 0);
  expect(live.peek()?.anchors).toHaveLength(2);
});

test("the pod in the documentation passes the server's strict validation", async () => {
  const kube = await connectAdmin({});
  const page = await readFile(new URL("../../docs/sources.md", import.meta.url), "utf8");
  const [, manifest = ""] = /```yaml\n(apiVersion: v1\nkind: Pod\n.*?)```/s.exec(page) ?? [];
  const pod = parse(manifest) as Pod;
  await kube
    .resource(ServiceAccount)
    .create({ metadata: { name: "default" } })
    .catch(() => {});
  const created = await kube.resource(Pod).create(pod, { dryRun: true, fieldValidation: "Strict" });
  const sources = created.spec?.volumes?.flatMap(({ projected }) => projected?.sources ?? []);
  const kinds = sources?.flatMap((source) => Object.keys(source));
  expect(kinds).toEqual(expect.arrayContaining(["clusterTrustBundle", "podCertificate"]));
});
