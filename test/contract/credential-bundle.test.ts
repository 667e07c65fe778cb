/**
 * A client certificate from a single file, as in the `podCertificate` volume: the key first, then the chain,
 * with a new key at each renewal.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Echo } from "../support/api-server.ts";
import { type TestCa, createCa } from "../support/pki.ts";
import { truncateMidBlock } from "../support/projected-volume.ts";
import { entry } from "./support/entry.ts";
import { connectClient, createVolume, rejection, startCluster, until } from "./support/scene.ts";

async function credentialBundle(clients: TestCa, commonName: string): Promise<string> {
  const { cert, key } = await clients.issue({ client: true, commonName });
  return key + cert + clients.pem;
}

async function setUp() {
  const clients = await createCa({ commonName: "clients" });
  const { ca, server } = await startCluster({ clientCa: clients.pem });
  const volume = await createVolume({ token: await credentialBundle(clients, "alice") });
  const clientCert = entry.fileClientCertSource(volume.tokenFile, { reloadIntervalMs: 0 });
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem), clientCert };
  const { kube, events } = await connectClient({ config });
  const whoAmI = async () => (await kube.get<Echo>("/echo")).clientCommonName;
  return { clients, volume, clientCert, kube, events, whoAmI };
}

test("fileClientCertSource() authenticates with a podCertificate volume's bundle, through renewals", async () => {
  const { clients, volume, clientCert, whoAmI } = await setUp();
  expect(await whoAmI()).toBe("alice");
  expect(clientCert.status.source).toBe(`file ${volume.tokenFile}`);
  // The chain as it is, without the key.
  expect((await clientCert.current()).certificate.match(/BEGIN/g)).toHaveLength(2);
  expect((await clientCert.current()).certificate).not.toContain("PRIVATE KEY");
  for (const name of ["bob", "carol", "dave"]) {
    await volume.write({ token: await credentialBundle(clients, name) });
    expect(await whoAmI()).toBe(name);
  }
});

test("fileClientCertSource() of one file never shows a torn pair when it is swapped under load", async () => {
  const { clients, volume, whoAmI, events } = await setUp();
  const bundles = await Promise.all(
    ["alice", "bob"].map((name) => credentialBundle(clients, name)),
  );
  let swapping = true;
  const seen = new Set<string | null>();
  const swaps = (async () => {
    for (let swap = 1; swap <= 20 || seen.size < 2; swap++) {
      await volume.write({ token: bundles[swap % 2] ?? "" });
      await new Promise((resolve) => void setTimeout(resolve, 10));
    }
    swapping = false;
  })();
  while (swapping) seen.add(await whoAmI());
  await swaps;
  expect(seen).toEqual(new Set(["alice", "bob"]));
  // One read of one file returns a matching pair: none is ever discarded.
  const failures = events.flatMap((event) => (event.type === "reload-failed" ? event.error : []));
  expect(failures.map(String).filter((message) => message.includes("belong"))).toEqual([]);
});

test("fileClientCertSource() of one file that is half written keeps the previous pair", async () => {
  const { clients, volume, clientCert, whoAmI } = await setUp();
  expect(await whoAmI()).toBe("alice");
  await truncateMidBlock(volume.tokenFile);
  expect(await whoAmI()).toBe("alice");
  expect(clientCert.status.failures).toBeGreaterThan(0);
  await writeFile(volume.tokenFile, await credentialBundle(clients, "bob"));
  await until("it is read again", async () => (await whoAmI()) === "bob");
});

test("fileClientCertSource() of one file says what it lacks", async () => {
  const { cert, key } = await (await createCa()).issue({ client: true });
  for (const [content, missing] of [
    [key, "the certificate"],
    [cert, "the private key"],
  ] as const) {
    const volume = await createVolume({ token: content });
    const error = await rejection(entry.fileClientCertSource(volume.tokenFile).current());
    expect(String(error)).toContain(`file ${volume.tokenFile}: ${missing}`);
  }
});
