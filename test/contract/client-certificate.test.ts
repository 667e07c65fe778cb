/**
 * Rotation of the client certificate over mutual TLS, with keys of every kind. A certificate never goes with
 * the wrong key.
 *
 * @module
 */

import { type KeyObject, generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { type ClientCertSource, ConfigError, isReanchorError } from "../../src/index.ts";
import type { Runtime } from "../../src/runtime.ts";
import { bindFileClientCertSource } from "../../src/sources/client-cert-source.ts";
import type { Echo, TestServer } from "../support/api-server.ts";
import { basicConstraints, makeCertificate } from "../support/chains/certificate.ts";
import { toPkcs1, toSec1, withEncryptionHeaders } from "../support/key-forms.ts";
import { type IssuedCertificate, type TestCa, createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { exclusiveTrusts, hasExclusiveTransport } from "./support/traits.ts";
import { createPairFiles } from "./support/pair-files.ts";
import {
  type Cluster,
  type TimedClient,
  connectClient,
  connectTimed,
  connectionIsFree,
  rejection,
  startCluster,
  types,
  until,
} from "./support/scene.ts";

const INTERVAL_MS = 60_000;
const HOUR_MS = 3_600_000;

/** A server that authenticates clients by certificate, and the CA that signs those. */
async function startMutual(): Promise<Cluster & { clients: TestCa }> {
  const clients = await createCa({ commonName: "clients" });
  const cluster = await startCluster({ clientCa: clients.pem });
  return { ...cluster, clients };
}

async function connectMutual(
  { ca, server }: Cluster,
  source: (runtime: Runtime) => ClientCertSource,
  exclusiveTrust = false,
): Promise<TimedClient> {
  return await connectTimed((runtime) => ({
    config: {
      server: server.origin,
      ca: entry.staticCaSource(ca.pem),
      clientCert: source(runtime),
    },
    exclusiveTrust,
  }));
}

async function whoAmI({ kube }: Pick<TimedClient, "kube">): Promise<string | null> {
  return (await kube.get<Echo>("/echo")).clientCommonName;
}

async function openConnections(server: TestServer): Promise<number> {
  return (await server.stats()).open;
}

describe.each(exclusiveTrusts)("a client certificate, exclusiveTrust: %j", (exclusiveTrust) => {
  test.each(["EC", "RSA"] as const)("get() authenticates when its key is %s", async (algorithm) => {
    const { clients, ...cluster } = await startMutual();
    const pair = await clients.issue({ client: true, commonName: "alice", algorithm });
    const client = await connectMutual(
      cluster,
      () => entry.staticClientCertSource({ certificate: pair.cert, key: pair.key }),
      exclusiveTrust,
    );
    expect(await whoAmI(client)).toBe("alice");
    expect(client.kube.status().clientCert).toMatchObject({ subject: "CN=alice", failures: 0 });
  });

  test.each([
    ["SEC1", "EC", toSec1],
    ["SEC1 of P-384", "P-384", toSec1],
    ["SEC1 without its public part", "EC", (key: string) => toSec1(key, { publicKey: false })],
    ["PKCS#1", "RSA", toPkcs1],
  ] as const)("get() authenticates when its key is in %s", async (_, algorithm, toForm) => {
    const { clients, ...cluster } = await startMutual();
    const pair = await clients.issue({ client: true, commonName: "alice", algorithm });
    const client = await connectMutual(
      cluster,
      () => entry.staticClientCertSource({ certificate: pair.cert, key: toForm(pair.key) }),
      exclusiveTrust,
    );
    expect(await whoAmI(client)).toBe("alice");
  });

  test("a changed pair opens new connections, and a response that streams is completed", async () => {
    const { clients, ...cluster } = await startMutual();
    const files = await createPairFiles(await clients.issue({ client: true, commonName: "alice" }));
    const client = await connectMutual(
      cluster,
      (runtime) => bindFileClientCertSource(runtime)(files.paths),
      exclusiveTrust,
    );
    const { kube, clock, events } = client;
    expect(await whoAmI(client)).toBe("alice");
    const streaming = await kube.fetch("/held-body?key=rotation");
    await cluster.server.held("rotation");

    await files.write(await clients.issue({ client: true, commonName: "bob" }));
    expect(await whoAmI(client)).toBe("alice");
    await clock.advance(INTERVAL_MS);
    expect(await whoAmI(client)).toBe("bob");
    expect(types(events)).toEqual([
      "generation-opened",
      "client-cert-reloaded",
      "generation-opened",
      "generation-retired",
    ]);
    await cluster.server.release("rotation");
    expect((await streaming.text()).length).toBeGreaterThan(0);
    if (entry.runtime.capabilities.closesIdleConnections) {
      await until("the old connections are closed", async () => {
        return (await openConnections(cluster.server)) === 1;
      });
    }
  });

  test("get() that gets a 401 for an expired certificate reloads the pair and retries", async () => {
    const { clients, ...cluster } = await startMutual();
    const expired = await clients.issue({
      client: true,
      commonName: "alice",
      notBefore: new Date(Date.now() - 2 * HOUR_MS),
      notAfter: new Date(Date.now() - HOUR_MS),
    });
    const files = await createPairFiles(expired);
    const client = await connectMutual(
      cluster,
      (runtime) => bindFileClientCertSource(runtime)(files.paths),
      exclusiveTrust,
    );
    const error = await rejection(client.kube.get("/echo"));
    expect(isReanchorError(error) && error.code).toBe("ERR_REANCHOR_API");
    await client.clock.advance(500);

    await files.write(await clients.issue({ client: true, commonName: "alice" }));
    expect(await whoAmI(client)).toBe("alice");
    expect(types(client.events)).toContain("retry");
  });
});

test("connect() says what to do about an encrypted key, and reveals nothing of the key", async () => {
  const { clients, ...cluster } = await startMutual();
  const pair = await clients.issue({ client: true, algorithm: "RSA" });
  const files = await createPairFiles({
    cert: pair.cert,
    key: withEncryptionHeaders(toPkcs1(pair.key)),
  });
  const config = {
    server: cluster.server.origin,
    ca: entry.staticCaSource(cluster.ca.pem),
    clientCert: entry.fileClientCertSource(files.paths),
  };
  const error = await rejection(entry.connect({ config }));
  expect(error).toBeInstanceOf(ConfigError);
  expect(String(error)).toMatch(/encrypted.* openssl pkey/);
  expect(String(error)).toContain(files.paths.key);
});

test("a half-written pair keeps the old one in use", async () => {
  const { clients, ...cluster } = await startMutual();
  const alice = await clients.issue({ client: true, commonName: "alice" });
  const bob = await clients.issue({ client: true, commonName: "bob" });
  const files = await createPairFiles(alice);
  const client = await connectMutual(cluster, (runtime) =>
    bindFileClientCertSource(runtime)(files.paths),
  );
  expect(await whoAmI(client)).toBe("alice");
  await writeFile(files.paths.certificate, bob.cert);
  await client.clock.advance(INTERVAL_MS);
  const asked = whoAmI(client);
  // The source retries a few times, on a clock that stands still.
  for (let look = 0; look < 5; look++) {
    await new Promise((resolve) => void setTimeout(resolve, 20));
    await client.clock.advance(25);
  }
  expect(await asked).toBe("alice");
  expect(client.kube.status().clientCert).toMatchObject({
    failures: 1,
    lastError: expect.stringMatching(/the private key does not belong to the certificate/),
  });

  await writeFile(files.paths.key, bob.key);
  await client.clock.advance(INTERVAL_MS);
  expect(await whoAmI(client)).toBe("bob");
});

test("get() never uses a torn pair when the pair is swapped under load", async () => {
  const { clients, ...cluster } = await startMutual();
  const pairs = await Promise.all(
    ["alice", "bob"].map((commonName) => clients.issue({ client: true, commonName })),
  );
  const files = await createPairFiles(pairs[0] as IssuedCertificate);
  const { kube } = await connectClient({
    config: {
      server: cluster.server.origin,
      ca: entry.staticCaSource(cluster.ca.pem),
      clientCert: entry.fileClientCertSource(files.paths, { reloadIntervalMs: 0 }),
    },
  });
  let swapping = true;
  const seen = new Set<string | null>();
  const swaps = (async () => {
    for (let swap = 1; swap <= 20 || seen.size < pairs.length; swap++) {
      await files.write(pairs[swap % 2] as IssuedCertificate);
      await new Promise((resolve) => void setTimeout(resolve, 10));
    }
    swapping = false;
  })();
  while (swapping) seen.add(await whoAmI({ kube }));
  await swaps;
  expect(seen).toEqual(new Set(["alice", "bob"]));
});

test.each(exclusiveTrusts)(
  "connect() uses a certificate of X.509 version 1, or says what to do (exclusiveTrust: %s)",
  async (exclusiveTrust) => {
    const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const [signer, key] = [newKey(), newKey()];
    const dates = {
      notBefore: new Date(Date.now() - HOUR_MS),
      notAfter: new Date(Date.now() + HOUR_MS),
    };
    const common = { ...dates, issuer: "clients", signer };
    const clientCa = makeCertificate({
      ...common,
      subject: "clients",
      publicKey: signer,
      extensions: [basicConstraints(true)],
    });
    const certificate = makeCertificate({
      ...common,
      subject: "alice",
      publicKey: key,
      extensions: [],
      version: 1,
    });
    const { ca, server } = await startCluster({ clientCa });
    const pem = { certificate, key: key.export({ format: "pem", type: "pkcs8" }) as string };
    const { kube } = await connectClient({
      config: {
        server: server.origin,
        ca: entry.staticCaSource(ca.pem),
        clientCert: entry.staticClientCertSource(pem),
      },
      exclusiveTrust,
    });
    if (!hasExclusiveTransport || exclusiveTrust) {
      expect(await kube.get("/echo")).toHaveProperty("clientCommonName", "alice");
    } else {
      expect(String(await rejection(kube.get("/echo")))).toMatch(
        /X\.509 version 1, which Deno's fetch can't show .* version 3, or set exclusiveTrust/,
      );
    }
  },
);

test("createFetch() sends a client certificate to a service that asks for one", async () => {
  const clients = await createCa({ commonName: "clients" });
  const { ca, server } = await startCluster({ clientCa: clients.pem, requireClientCert: true });
  const pair = await clients.issue({ client: true, commonName: "alice" });
  await using fetch = entry.createFetch({
    ca: entry.staticCaSource(ca.pem),
    clientCert: entry.staticClientCertSource({ certificate: pair.cert, key: pair.key }),
  });
  const response = await fetch(`${server.origin}/echo`);
  expect(((await response.json()) as Echo).clientCommonName).toBe("alice");
  expect(fetch.status().clientCert?.source).toBe("memory");
});

test("connect() keeps its connection when the reloaded pair is unchanged", async () => {
  const { clients, ...cluster } = await startMutual();
  const files = await createPairFiles(await clients.issue({ client: true }));
  const client = await connectMutual(cluster, (runtime) =>
    bindFileClientCertSource(runtime)(files.paths),
  );
  for (let round = 0; round < 5; round++) {
    await client.kube.get("/version");
    await connectionIsFree();
    await client.clock.advance(INTERVAL_MS);
  }
  expect((await cluster.server.stats()).connections).toBe(1);
});
