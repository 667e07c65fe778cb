/**
 * Client certificates have generations, like CA bundles.
 *
 * @module
 */

import { expect, test } from "vitest";
import type { ReanchorEvent } from "../../../src/events.ts";
import { staticCaSource } from "../../../src/sources/ca-source.ts";
import type { ClientCert, ClientCertSource } from "../../../src/sources/client-cert-source.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";
import { outgoing } from "../support/outgoing.ts";
import { oldCa, openTransport } from "../support/rotation.ts";

function certOf(fingerprint: string, key = `key of ${fingerprint}`): ClientCert {
  const dates = { notBefore: 0, notAfter: 1, loadedAt: 0 };
  return { certificate: fingerprint, key, subject: "CN=me", fingerprint, ...dates };
}

/** A source that returns the given value. */
function sourceOf(cert: ClientCert): ClientCertSource & { cert: ClientCert } {
  const source = {
    cert,
    current: async () => source.cert,
    reload: async () => source.cert,
    peek: () => source.cert,
    subscribe: () => () => {},
    status: {
      kind: "client-certificate" as const,
      source: "file /tls.crt",
      loadedAt: 0,
      checkedAt: 0,
      ageMs: 0,
      failures: 0,
      lastError: undefined,
      stale: false,
    },
  };
  return source;
}

function scene() {
  const runtime = createFakeRuntime();
  const clientCert = sourceOf(certOf("a"));
  const events: ReanchorEvent[] = [];
  const transport = openTransport(
    runtime,
    { ca: staticCaSource(oldCa), clientCert },
    { onEvent: (event) => void events.push(event) },
  );
  const get = async (): Promise<void> => void (await transport.send(outgoing("/api")));
  return { runtime, clientCert, events, get };
}

test("a request uses the current certificate, on its own pool", async () => {
  const { runtime, clientCert, get } = scene();
  await get();
  clientCert.cert = certOf("a"); // The same certificate, read again.
  await get();
  clientCert.cert = certOf("b", "key of a"); // Renewed with the same key.
  await get();
  clientCert.cert = certOf("b", "another key");
  await get();
  expect(runtime.exchanges.map(({ transport }) => transport)).toEqual([1, 1, 2, 3]);
  expect(runtime.transports.map(({ trust }) => trust.clientCert?.certificate)).toEqual([
    "a",
    "b",
    "b",
  ]);
  expect(runtime.transports.map(({ retired }) => retired)).toEqual([true, true, false]);
});

test("a certificate that the runtime rejects leaves the old one in use, and emits an event", async () => {
  const { runtime, clientCert, events, get } = scene();
  await get();
  runtime.refuses = (_, cert) => cert?.certificate === "b";
  clientCert.cert = certOf("b");
  await get();
  await get();
  expect(runtime.exchanges.map(({ transport }) => transport)).toEqual([1, 1, 1]);
  expect(events.filter(({ type }) => type === "reload-failed")).toMatchObject([
    { kind: "client-certificate", source: "file /tls.crt" },
  ]);
  expect(JSON.stringify(events)).not.toContain("key of");
});

test("a certificate that the runtime rejects at first throws to the caller", async () => {
  const { runtime, get } = scene();
  runtime.refuses = (_, cert) => cert !== undefined;
  await expect(get()).rejects.toThrow(
    "Cannot use client certificate from file /tls.crt: node rejects it: a certificate that this runtime can't use",
  );
});

test("a bundle that the runtime rejects is named, even with a valid certificate", async () => {
  const { runtime, get } = scene();
  runtime.refuses = (ca) => ca !== undefined;
  await expect(get()).rejects.toThrow("Cannot use CA bundle from memory: node rejects it:");
});
