/**
 * A server that is checked by another name than its URL's, and one that goes unchecked.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { UntrustedServerError } from "../../src/index.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { connectClient, control, rejection, startCluster, types } from "./support/scene.ts";

describe("serverName", () => {
  async function startNamed(): Promise<{ ca: string; origin: string }> {
    const ca = await createCa();
    const cert = await ca.issue({ hosts: ["api.internal"] });
    const { server } = await startCluster(cert, ca);
    return { ca: ca.pem, origin: server.origin };
  }

  test("get() trusts a server that carries it, by an address that the certificate does not", async () => {
    const { ca, origin } = await startNamed();
    const config = { server: origin, ca: entry.staticCaSource(ca) };
    const { kube } = await connectClient({ config: { ...config, serverName: "api.internal" } });
    expect(await kube.get("/version")).toMatchObject({ major: expect.anything() });
    const { kube: other } = await connectClient({ config });
    expect(await rejection(other.get("/version"))).toMatchObject({ reason: "wrong-host" });
  });

  test("get() refuses a server that does not carry it", async () => {
    const { ca, origin } = await startNamed();
    const { kube } = await connectClient({
      config: {
        server: origin,
        ca: entry.staticCaSource(ca),
        serverName: "other.internal",
      },
    });
    const error = await rejection(kube.get("/version"));
    expect(error).toBeInstanceOf(UntrustedServerError);
    expect(error).toMatchObject({ reason: "wrong-host" });
  });

  test("get() refuses a server of the name that no anchor vouches for", async () => {
    const { origin } = await startNamed();
    const { kube } = await connectClient({
      config: {
        server: origin,
        ca: entry.staticCaSource((await createCa()).pem),
        serverName: "api.internal",
      },
    });
    expect(await rejection(kube.get("/version"))).toMatchObject({ reason: "unknown-authority" });
  });
});

describe("insecureSkipTlsVerify", () => {
  test("get() uses a server that nobody vouches for, and says so in an event and the status", async () => {
    const { server } = await startCluster(await (await createCa()).issue({ hosts: ["elsewhere"] }));
    const { kube, events } = await connectClient({
      config: { server: server.origin, insecureSkipTlsVerify: true },
    });
    expect(events).toEqual([{ type: "insecure", server: server.origin }]);
    expect(await kube.get("/version")).toMatchObject({ major: expect.anything() });
    expect(kube.status().insecure).toBe(true);
    expect(types(events)).toEqual(["insecure", "generation-opened"]);
  });

  test("get() shows its client certificate all the same", async () => {
    const clients = await createCa({ commonName: "clients" });
    const { server } = await startCluster({ clientCa: clients.pem });
    const { cert, key } = await clients.issue({ client: true, commonName: "alice" });
    const { kube } = await connectClient({
      config: {
        server: server.origin,
        insecureSkipTlsVerify: true,
        clientCert: entry.staticClientCertSource({ certificate: cert, key }),
      },
    });
    expect(await kube.get("/echo")).toMatchObject({ clientCommonName: "alice" });
  });

  test("connect() without it refuses the same server", async () => {
    const { server } = await startCluster();
    const { kube } = await connectClient({ config: { server: server.origin } });
    expect(await rejection(kube.get("/version"))).toBeInstanceOf(UntrustedServerError);
  });
});

test("get() speaks plain http to a local proxy such as kubectl's, without credentials", async () => {
  // The control server answers what it does not know with 400, over http.
  const { kube } = await connectClient({ config: { server: control.url } });
  expect((await kube.fetch("/no-such-call")).status).toBe(400);
});
