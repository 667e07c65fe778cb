/**
 * Servers that are verified by an identity instead of their host name.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import {
  ConfigError,
  type CreateFetchOptions,
  type PeerNames,
  type RotatingFetch,
  type ServerIdentity,
  UntrustedServerError,
} from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import type { Echo } from "../support/api-server.ts";
import { type TestCa, createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import {
  type Cluster,
  connectClient,
  createVolume,
  rejection,
  startCluster,
  types,
} from "./support/scene.ts";
import { abilitiesBy } from "./support/traits.ts";
import { openProxy } from "./support/proxies.ts";

const id = "spiffe://example.org/ns/shop/sa/billing";
const otherId = "spiffe://example.org/ns/shop/sa/cart";

/** A server whose certificate has the given names, but not the address by which it is reached. */
async function startNamed(names: string[], ca?: TestCa): Promise<Cluster> {
  const authority = ca ?? (await createCa());
  return await startCluster(await authority.issue({ hosts: names }), authority);
}

function openFetch(options: CreateFetchOptions): RotatingFetch {
  const fetch = entry.createFetch(options);
  onTestFinished(() => fetch.close());
  return fetch;
}

async function ask(fetch: RotatingFetch, { server }: Cluster): Promise<unknown> {
  const response = await fetch(`${server.origin}/version`);
  return await response.json();
}

const version = { major: expect.anything() };

describe("a SPIFFE ID", () => {
  test("createFetch() trusts the server with this identity, under any host name", async () => {
    const cluster = await startNamed([id]);
    const ca = entry.staticCaSource(cluster.ca.pem);
    expect(await ask(openFetch({ ca, serverIdentity: id }), cluster)).toMatchObject(version);
    expect(await rejection(ask(openFetch({ ca }), cluster))).toMatchObject({
      reason: "wrong-host",
    });
  });

  test("connect() trusts the server with this identity", async () => {
    const { ca, server } = await startNamed([id, "db.internal"]);
    const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
    const { kube } = await connectClient({ config, serverIdentity: id });
    expect(await kube.get("/version")).toMatchObject(version);
  });

  test.each([
    ["another one", [otherId], `its certificate carries ${otherId}`],
    ["none, but the host name", ["127.0.0.1"], "its certificate carries no URI"],
    ["a second URI", [id, otherId], `carries 2 URIs in place of one: ${id}, ${otherId}`],
    ["one that begins with it", [`${id}2`], `its certificate carries ${id}2`],
    ["one below it", [`${id}/x`], `its certificate carries ${id}/x`],
    ["one of another case", [id.replace("shop", "Shop")], "its certificate carries"],
    ["a web address of its path", [id.replace("spiffe:", "https:")], "its certificate carries"],
  ])("createFetch() rejects the server that carries %s", async (_, names, presented) => {
    const cluster = await startNamed(names);
    const events: string[] = [];
    const ca = entry.staticCaSource(cluster.ca.pem);
    const fetch = openFetch({ ca, serverIdentity: id, onEvent: ({ type }) => events.push(type) });
    const error = await rejection(ask(fetch, cluster));
    expect(error).toBeInstanceOf(UntrustedServerError);
    expect(error).toMatchObject({ reason: "wrong-host" });
    expect(String(error)).toContain(`serverIdentity expects ${id}, and `);
    expect(String(error)).toContain(presented);
    expect(events).toEqual(["generation-opened"]);
    expect((await cluster.server.stats()).requests).toBe(0);
  });

  test("createFetch() follows a CA rotation of the server with this identity", async () => {
    const { ca, server } = await startNamed([id]);
    const volume = await createVolume({ ca: ca.pem });
    const source = entry.fileCaSource(volume.caFile);
    const fetch = openFetch({ ca: source, serverIdentity: id });
    await ask(fetch, { ca, server });
    const next = await createCa();
    await server.swap(await next.issue({ hosts: [id] }));
    await server.dropConnections();
    await volume.write({ ca: next.pem });
    expect(await ask(fetch, { ca, server })).toMatchObject(version);
  });

  test("createFetch() does not reload the bundle for a wrong identity", async () => {
    const cluster = await startNamed([otherId]);
    let reads = 0;
    const ca = entry.functionCaSource(() => {
      reads += 1;
      return cluster.ca.pem;
    });
    await rejection(ask(openFetch({ ca, serverIdentity: id }), cluster));
    expect(reads).toBe(1);
  });
});

describe("two identities, one host, one CA", () => {
  test("no connection for one identity serves the other, or clients without an identity", async () => {
    const cluster = await startNamed([id]);
    const ca = entry.staticCaSource(cluster.ca.pem);
    const right = openFetch({ ca, serverIdentity: id });
    const wrong = openFetch({ ca, serverIdentity: otherId });
    const byFunction = openFetch({ ca, serverIdentity: () => false });
    const byHost = openFetch({ ca });
    for (let round = 0; round < 3; round += 1) {
      expect(await ask(right, cluster)).toMatchObject(version);
      for (const fetch of [wrong, byFunction, byHost]) {
        expect(await rejection(ask(fetch, cluster))).toMatchObject({ reason: "wrong-host" });
      }
    }
    const { requests } = await cluster.server.stats();
    expect(requests).toBe(3);
  });

  test("two functions have separate pools, even when used at the same time", async () => {
    const cluster = await startNamed([id]);
    const ca = entry.staticCaSource(cluster.ca.pem);
    const accept = openFetch({ ca, serverIdentity: ({ uris }) => uris.includes(id) });
    const refuse = openFetch({ ca, serverIdentity: ({ uris }) => uris.includes(otherId) });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => ask(index % 2 === 0 ? accept : refuse, cluster)),
    );
    expect(outcomes.map(({ status }) => status === "fulfilled")).toEqual(
      outcomes.map((_, index) => index % 2 === 0),
    );
    expect((await cluster.server.stats()).requests).toBe(10);
  });
});

describe("a function", () => {
  test("it receives the names in the certificate, and decides", async () => {
    const seen: PeerNames[] = [];
    const cluster = await startNamed(["*.shop.internal", "10.96.0.1", "fd00::1", id]);
    const fetch = openFetch({
      ca: entry.staticCaSource(cluster.ca.pem),
      serverIdentity(names) {
        seen.push(names);
        return names.dnsNames.includes("*.shop.internal");
      },
    });
    expect(await ask(fetch, cluster)).toMatchObject(version);
    expect(seen).toEqual([
      { dnsNames: ["*.shop.internal"], ipAddresses: ["10.96.0.1", "fd00::1"], uris: [id] },
    ]);
  });

  test.each<[string, unknown, RegExp]>([
    ["false", () => false, /rejects what its certificate carries: spiffe:\/\/\S+, 127\.0\.0\.1;/],
    ["a promise", async () => true, /by returning a promise \(await it\) in place of true/],
    ["text", () => "yes", /by returning a string in place of true/],
    ["nothing", () => {}, /by returning undefined in place of true/],
  ])("a function that returns %s rejects the server", async (_, serverIdentity, why) => {
    const cluster = await startNamed(["127.0.0.1", id]);
    const ca = entry.staticCaSource(cluster.ca.pem);
    const options = { ca, serverIdentity } as CreateFetchOptions;
    const error = await rejection(ask(openFetch(options), cluster));
    expect(error).toMatchObject({ reason: "wrong-host" });
    expect(String(error)).toMatch(why);
    expect((await cluster.server.stats()).requests).toBe(0);
  });

  test("a function that throws rejects the server with its reason", async () => {
    const cluster = await startNamed(["127.0.0.1"]);
    const fetch = openFetch({
      ca: entry.staticCaSource(cluster.ca.pem),
      serverIdentity: () => {
        throw new Error("no such registry");
      },
    });
    const error = await rejection(ask(fetch, cluster));
    expect(error).toMatchObject({ reason: "wrong-host" });
    expect(String(error)).toContain("the function serverIdentity threw: no such registry");
  });
});

/** Identities that every server of these tests satisfies: nothing but the chain can reject it. */
const satisfied: [string, ServerIdentity][] = [
  ["a SPIFFE ID", id],
  ["a function that returns true", () => true],
];

describe.each(satisfied)("%s does not stand in for the chain", (_, serverIdentity) => {
  /** A server of the identity, and a bundle that does not vouch for it: of another name, or of the same one. */
  const strangers = [{ commonName: "stranger" }, {}];

  test.each(strangers)(
    "createFetch() rejects a server under a stranger's CA: %j",
    async (named) => {
      const cluster = await startNamed([id, "127.0.0.1"]);
      const ca = entry.staticCaSource((await createCa(named)).pem);
      const error = await rejection(ask(openFetch({ ca, serverIdentity }), cluster));
      expect(error).toBeInstanceOf(UntrustedServerError);
      expect(error).toMatchObject({ reason: "unknown-authority" });
      expect((await cluster.server.stats()).requests).toBe(0);
    },
  );

  test.each(strangers)("connect() rejects a server under a stranger's CA: %j", async (named) => {
    const { server } = await startNamed([id, "127.0.0.1"]);
    const ca = entry.staticCaSource((await createCa(named)).pem);
    const { kube } = await connectClient({ config: { server: server.origin, ca }, serverIdentity });
    for (const refused of [kube.get("/version"), kube.resource(Pod).execText("web", ["ls"])]) {
      const error = await rejection(refused);
      expect(error).toBeInstanceOf(UntrustedServerError);
      expect(error).toMatchObject({ reason: "unknown-authority" });
    }
    expect((await server.stats()).requests).toBe(0);
  });
});

test("an https proxy beside serverIdentity is used, or rejected at once where it would be checked too", async () => {
  const { ca, server } = await startNamed([id]);
  const proxyCa = await createCa({ commonName: "proxy" });
  const proxy = await openProxy({ scheme: "https", ...(await proxyCa.issue()) });
  const trust = { ca: entry.staticCaSource(ca.pem + proxyCa.pem), proxy: proxy.url };
  for (const [, serverIdentity] of satisfied) {
    const open = (): RotatingFetch => openFetch({ ...trust, serverIdentity });
    const config = { server: server.origin, ca: trust.ca, proxy: proxy.url };
    const connecting = connectClient({ config, serverIdentity });
    if (abilitiesBy({ serverIdentity }).traits.hasOwnTunnels) {
      expect(await ask(open(), { ca, server })).toMatchObject(version);
      expect(await (await connecting).kube.get("/version")).toMatchObject(version);
    } else {
      expect(open).toThrow(ConfigError);
      expect(open).toThrow(/https proxy can't be had together with serverIdentity/);
      expect(await rejection(connecting)).toBeInstanceOf(ConfigError);
    }
  }
});

test("exec() verifies the identity on its own connection", async () => {
  const { ca, server } = await startNamed([id]);
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  const { kube: wrong, events } = await connectClient({ config, serverIdentity: otherId });
  const refused = await rejection(wrong.resource(Pod).execText("web", ["exit", "3"]));
  expect(refused).toMatchObject({ reason: "wrong-host" });
  expect(String(refused)).toContain(`its certificate carries ${id}`);
  expect(types(events)).toEqual(["generation-opened"]);
  expect((await server.stats()).requests).toBe(0);

  const { kube } = await connectClient({ config, serverIdentity: id });
  const { code } = await kube.resource(Pod).execText("web", ["exit", "3"]);
  expect(code).toBe(3);
});

test("the server receives the URL's host as SNI", async () => {
  const { ca, server } = await startNamed([id]);
  const proxy = await openProxy({ scheme: "http" });
  const fetchOptions = {
    ca: entry.staticCaSource(ca.pem),
    serverIdentity: id,
    proxy: proxy.url,
  };
  const response = await openFetch(fetchOptions)(`https://billing.internal:${server.port}/echo`);
  expect(((await response.json()) as Echo).sni).toBe("billing.internal");
});

describe("what createFetch() rejects at once", () => {
  const sources = { ca: "with a bundle" } as const;
  test.each<[string, CreateFetchOptions & Record<string, unknown>, RegExp]>([
    ["no CA bundle", { serverIdentity: id }, /it needs a CA bundle/],
    [
      "a server name",
      { ...sources, serverIdentity: id, serverName: "a" },
      /neither serverName nor/,
    ],
  ] as never)("%s", async (_, options, why) => {
    const { pem } = await createCa();
    const filled = "ca" in options ? { ...options, ca: entry.staticCaSource(pem) } : options;
    expect(() => entry.createFetch(filled)).toThrow(ConfigError);
    expect(() => entry.createFetch(filled)).toThrow(why);
  });

  test("insecureSkipTlsVerify in a config", async () => {
    const config = { server: "https://127.0.0.1:1", insecureSkipTlsVerify: true };
    const error = await rejection(entry.connect({ config, serverIdentity: id }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain("nor insecureSkipTlsVerify");
  });

  test("a config without TLS", async () => {
    const config = { server: "http://127.0.0.1:1" };
    const error = await rejection(entry.connect({ config, serverIdentity: id }));
    expect(error).toBeInstanceOf(ConfigError);
  });
});
