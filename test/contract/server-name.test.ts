/**
 * Servers that are verified by another name than the URL's host, and servers that are not verified.
 *
 * @module
 */

import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UntrustedServerError } from "../../src/index.ts";
import type { Echo } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { connectClient, control, rejection, startCluster, types } from "./support/scene.ts";
import { openProxy } from "./support/proxies.ts";

describe("serverName", () => {
  async function startNamed(): Promise<{ ca: string; origin: string }> {
    const ca = await createCa();
    const cert = await ca.issue({ hosts: ["api.internal"] });
    const { server } = await startCluster(cert, ca);
    return { ca: ca.pem, origin: server.origin };
  }

  test("get() trusts a server whose certificate has that name but not the address", async () => {
    const { ca, origin } = await startNamed();
    const config = { server: origin, ca: entry.staticCaSource(ca) };
    const { kube } = await connectClient({ config: { ...config, serverName: "api.internal" } });
    expect(await kube.get("/version")).toMatchObject({ major: expect.anything() });
    const { kube: other } = await connectClient({ config });
    expect(await rejection(other.get("/version"))).toMatchObject({ reason: "wrong-host" });
  });

  test("get() rejects a server whose certificate lacks that name", async () => {
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

  test("get() rejects a server with that name that no anchor vouches for", async () => {
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

describe("the name that a certificate must have", () => {
  const hosts = ["api.internal", "_a.example", "10.96.0.1", "::1", "fd00::"];

  /** The SNI that a server received when it was reached by its address with a server name. */
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
    "get() verifies an IP SAN, and sends no SNI, when serverName is %s",
    async (serverName) => {
      expect(await sniUnder(serverName)).toBeNull();
      // Node emits a warning of its own about this.
      expect(warnings).toEqual([]);
    },
  );

  test.each([
    ["api.internal", "api.internal"],
    ["API.Internal", "api.internal"],
    ["api.internal.", "api.internal"],
    ["_a.example", "_a.example"],
    ["_a.example.", "_a.example"],
  ])("get() verifies a host name when serverName is %s", async (serverName, sni) => {
    expect(await sniUnder(serverName)).toBe(sni);
  });

  test.each(["10.96.0.2", "::2", "fd01::", "b.example.", "internal"])(
    "get() rejects a server whose certificate lacks %s",
    async (serverName) => {
      expect(await rejection(sniUnder(serverName))).toMatchObject({ reason: "wrong-host" });
    },
  );

  test("get() ignores the final dot of a URL's host", async () => {
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts }), ca);
    // It connects whatever name it is given.
    const proxy = await openProxy({ scheme: "http" });
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
    "a Host header does not affect verification, at https://%s",
    async (host) => {
      const ca = await createCa();
      const { server } = await startCluster(
        { ...(await ca.issue({ hosts: ["elsewhere.example"] })), host: "::" },
        ca,
      );
      for (const exclusiveTrust of [false, true]) {
        // Below `fetch`, which rejects this header.
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
  test("get() accepts a server that no anchor vouches for, and reports it in an event and the status", async () => {
    const { server } = await startCluster(await (await createCa()).issue({ hosts: ["elsewhere"] }));
    const { kube, events } = await connectClient({
      config: { server: server.origin, insecureSkipTlsVerify: true },
    });
    expect(events).toEqual([{ type: "insecure", server: server.origin, reason: "config" }]);
    expect(await kube.get("/version")).toMatchObject({ major: expect.anything() });
    expect(kube.status().insecure).toBe(true);
    expect(types(events)).toEqual(["insecure", "generation-opened"]);
  });

  test("get() still sends its client certificate", async () => {
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

test("get() uses plain http with a local proxy such as kubectl's, without credentials", async () => {
  // The control server answers unknown paths with 400, over http.
  const { kube } = await connectClient({ config: { server: control.url } });
  expect((await kube.fetch("/no-such-call")).status).toBe(400);
});
