/**
 * A server that is checked by another name than its URL's, and one that goes unchecked.
 *
 * @module
 */

import process from "node:process";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { UntrustedServerError } from "../../src/index.ts";
import type { Echo } from "../support/api-server.ts";
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

  test("get() rejects a server that does not carry it", async () => {
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

  test("get() rejects a server of the name that no anchor vouches for", async () => {
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

describe("the name that a certificate must carry", () => {
  const hosts = ["api.internal", "_a.example", "10.96.0.1", "::1", "fd00::"];

  /** What a server heard by SNI that was connected to by its address under a server name. */
  async function sniUnder(serverName: string): Promise<string | null> {
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts }), ca);
    const trust = entry.staticCaSource(ca.pem);
    const config = { server: server.origin, ca: trust, serverName };
    const { kube } = await connectClient({ config });
    return (await kube.get<Echo>("/echo")).sni;
  }

  const warnings: string[] = [];
  const onWarning = ({ message }: Error): void => void warnings.push(message);
  beforeAll(() => void process.on("warning", onWarning));
  afterAll(() => void process.off("warning", onWarning));

  test.each(["10.96.0.1", "::1", "[::1]", "fd00::", "FD00:0:0:0:0:0:0:0"])(
    "get() checks an IP SAN, and says nothing by SNI, when serverName is %s",
    async (serverName) => {
      expect(await sniUnder(serverName)).toBeNull();
      // Node says it by a warning of its own.
      expect(warnings).toEqual([]);
    },
  );

  test.each([
    ["api.internal", "api.internal"],
    ["API.Internal", "api.internal"],
    ["api.internal.", "api.internal"],
    ["_a.example", "_a.example"],
    ["_a.example.", "_a.example"],
  ])("get() checks a host name when serverName is %s", async (serverName, sni) => {
    expect(await sniUnder(serverName)).toBe(sni);
  });

  test.each(["10.96.0.2", "::2", "fd01::", "b.example.", "internal"])(
    "get() rejects a server that does not carry %s",
    async (serverName) => {
      expect(await rejection(sniUnder(serverName))).toMatchObject({ reason: "wrong-host" });
    },
  );

  test("get() takes a URL's host without its final dot", async () => {
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts }), ca);
    // It connects to whatever name it is asked for.
    const proxy = await control.proxy({ scheme: "http" });
    onTestFinished(() => proxy.close());
    for (const host of ["api.internal.", "_a.example.", "_a.example"]) {
      const { kube } = await connectClient({
        config: {
          server: `https://${host}:${server.port}`,
          ca: entry.staticCaSource(ca.pem),
          proxy: proxy.url,
        },
      });
      expect((await kube.get<Echo>("/echo")).sni).toBe(host.replace(/\.$/, ""));
    }
  });

  test.each(["127.0.0.1", "localhost", "[::1]"])(
    "a Host header has no say in it, at https://%s",
    async (host) => {
      const ca = await createCa();
      const { server } = await startCluster(
        { ...(await ca.issue({ hosts: ["elsewhere.example"] })), host: "::" },
        ca,
      );
      for (const exclusiveTrust of [false, true]) {
        // Below `fetch`, which rejects the header.
        const transport = entry.runtime.openTransport(
          {
            ca: [ca.pem],
            clientCert: undefined,
            serverName: undefined,
            serverIdentity: undefined,
            insecureSkipTlsVerify: false,
            proxy: undefined,
          },
          {
            connectTimeoutMs: 10_000,
            exclusiveTrust,
            repeatsHeaders: false,
            confirm: async () => {},
            late: () => undefined,
          },
        );
        const error = await rejection(
          transport.send(`https://${host}:${server.port}/version`, {
            method: "GET",
            headers: new Map([["host", "elsewhere.example"]]),
            headerLines: [],
            body: null,
            signal: undefined,
          }),
        );
        expect(entry.runtime.explain(error)).toBe("wrong-host");
        await transport.retire();
      }
      expect((await server.stats()).requests).toBe(0);
    },
  );
});

describe("insecureSkipTlsVerify", () => {
  test("get() uses a server that nobody vouches for, and says so in an event and the status", async () => {
    const { server } = await startCluster(await (await createCa()).issue({ hosts: ["elsewhere"] }));
    const { kube, events } = await connectClient({
      config: { server: server.origin, insecureSkipTlsVerify: true },
    });
    expect(events).toEqual([{ type: "insecure", server: server.origin, reason: "config" }]);
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

  test("connect() without it rejects the same server", async () => {
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
