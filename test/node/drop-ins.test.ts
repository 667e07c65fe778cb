/**
 * The drop-ins apart from rotation, and what is specific to one of them.
 *
 * @module
 */

import { once } from "node:events";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { type TLSSocket, checkServerIdentity, connect } from "node:tls";
import axios from "axios";
import { Agent, interceptors, request } from "undici";
import { expect, onTestFinished, test } from "vitest";
import {
  type DispatcherPoolOptions,
  type TlsSettings,
  createDispatcher,
  createHttpsAgent,
  createSecureContextSource,
} from "../../runtimes/agents.ts";
import {
  ConfigError,
  fileCaSource,
  functionClientCertSource,
  staticCaSource,
} from "../../runtimes/node.ts";
import {
  control,
  createVolume,
  rejection,
  startCluster,
  until,
} from "../contract/support/scene.ts";
import { createCa } from "../support/pki.ts";
import type { ReanchorEvent } from "../../src/index.ts";
import { type DropIn, ask, dropIns } from "./support/drop-ins.ts";

test("a server that stays silent is given up after connectTimeoutMs", async () => {
  const { origin } = await control.blackhole();
  const source = staticCaSource((await createCa()).pem);
  for (const { open } of dropIns) {
    const dropIn: DropIn = open({ ca: source, connectTimeoutMs: 100 });
    let error = await rejection(ask(dropIn, `${origin}/version`));
    while (error instanceof Error && error.name !== "ConnectionError" && error.cause) {
      error = error.cause;
    }
    expect(error).toMatchObject({
      name: "ConnectionError",
      message: expect.stringContaining("longer than 100 ms"),
    });
  }
});

test("a composed dispatcher keeps the contract, and closes the original", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const dispatcher = createDispatcher({ ca: fileCaSource(volume.caFile) });
  const composed = dispatcher.compose(interceptors.redirect({ maxRedirections: 1 }));
  await (await request(`${server.origin}/version`, { dispatcher: composed })).body.text();
  const successor = await createCa();
  await volume.write({ ca: successor.pem });
  await server.restart(await successor.issue());
  const { body } = await request(`${server.origin}/redirect?to=/version`, { dispatcher: composed });
  expect(await body.text()).toContain("gitVersion");
  await composed.close();
  expect(dispatcher).toMatchObject({ closed: true, destroyed: true });
  await until("no connection is left", async () => (await server.stats()).open === 0);
});

test("close() of a dispatcher waits for what is in flight", async () => {
  const { ca, server } = await startCluster();
  const dispatcher = createDispatcher({ ca: staticCaSource(ca.pem) });
  const { body } = await request(`${server.origin}/held-body?key=last`, { dispatcher });
  await server.held("last");
  const closed = dispatcher.close();
  expect(await rejection(request(`${server.origin}/version`, { dispatcher }))).toMatchObject({
    name: "ClosedError",
  });
  await server.release("last");
  expect(await body.text()).toBe("first\nsecond\n");
  await closed;
  await until("no connection is left", async () => (await server.stats()).open === 0);
});

test("maxSockets of an https agent counts connections that are being opened", async () => {
  const { ca, server } = await startCluster();
  const agent = createHttpsAgent({ ca: staticCaSource(ca.pem), pool: { maxSockets: 2 } });
  onTestFinished(() => agent.destroy());
  const get = async (): Promise<unknown> =>
    await axios.get(`${server.origin}/version`, { httpsAgent: agent, proxy: false });
  await Promise.all(Array.from({ length: 20 }, get));
  expect(await server.stats()).toMatchObject({ connections: 2, requests: 20 });
  await server.stop();
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, get));
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toEqual([]);
});

test("an https agent uses no connection of a removed anchor for a request that waits for a free socket", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
  const agent = createHttpsAgent({ ca: source, trustWaitMs: 0, pool: { maxSockets: 1 } });
  onTestFinished(() => agent.destroy());
  const get = async (path: string): Promise<unknown> =>
    await axios.get(`${server.origin}${path}`, { httpsAgent: agent, proxy: false });
  const held = get("/held-headers?key=place");
  await server.held("place");
  await volume.write({ ca: (await createCa()).pem });
  const refused = rejection(get("/version"));
  await until("it has been taken in", () => agent.status().generations.length === 2);
  await server.release("place");
  await held;
  expect(await refused).toMatchObject({ code: "ERR_REANCHOR_UNTRUSTED_SERVER" });
  expect((await server.stats()).requests).toBe(1);
});

test("an https agent uses no connection of a removed anchor for a request that waited before", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = fileCaSource(volume.caFile);
  const agent = createHttpsAgent({ ca: source, trustWaitMs: 0, pool: { maxSockets: 1 } });
  onTestFinished(() => agent.destroy());
  const get = async (path: string): Promise<unknown> =>
    await axios.get(`${server.origin}${path}`, { httpsAgent: agent, proxy: false });
  const held = get("/held-headers?key=place");
  await server.held("place");
  const refused = [1, 2].map(async () => await rejection(get("/version")));
  await until("both wait", () => Object.values(agent.requests).flat().length === 2);
  await volume.write({ ca: (await createCa()).pem });
  await source.reload();
  await server.release("place");
  await held;
  for (const error of await Promise.all(refused)) {
    expect(error).toMatchObject({ code: "ERR_REANCHOR_UNTRUSTED_SERVER" });
  }
  expect((await server.stats()).requests).toBe(1);
});

test.each([{ connections: 1 }, { connections: 1, pipelining: 2 }])(
  "a dispatcher sends requests that waited in a pool of %j with the current trust, and once",
  async (pool) => {
    const [ca, successor] = [await createCa(), await createCa()];
    const { server } = await startCluster({}, ca);
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile);
    const dispatcher = createDispatcher({ ca: source, trustWaitMs: 0, pool });
    onTestFinished(async () => await dispatcher.destroy());
    const held = request(`${server.origin}/held-headers?key=place`, { dispatcher });
    await server.held("place");
    const bodies = () => [undefined, "text", Readable.from(["a", "stream"]), new Blob(["a blob"])];
    const send = async (body: unknown): Promise<string> => {
      const options = { dispatcher, body: body as string, method: body ? "POST" : "GET" } as const;
      return await (await request(`${server.origin}/echo`, options)).body.text();
    };
    const sent = Promise.allSettled(bodies().map(send));
    await volume.write({ ca: successor.pem });
    await source.reload();
    await server.swap(await successor.issue());
    await server.release("place");
    await (await held).body.dump();
    const outcomes = await sent;
    expect(outcomes.map(({ status }) => status)).toEqual(bodies().map(() => "fulfilled"));
    await dispatcher.close();
    expect(await server.stats()).toMatchObject({ requests: 1 + bodies().length });
    expect((await server.stats()).connections).toBeGreaterThan(1);
  },
);

test("createDispatcher() rejects pool options that would replace how it connects", () => {
  for (const own of [
    { connect: { rejectUnauthorized: false } },
    { factory: () => new Agent() },
    { socketPath: "/run/api.sock" },
    { tls: {} },
    { connectTimeout: 1_000 },
    { maxCachedSessions: 0 },
    { autoSelectFamily: false },
  ]) {
    const pool = own as DispatcherPoolOptions;
    expect(() => createDispatcher({ pool }), JSON.stringify(own)).toThrow(ConfigError);
  }
});

test("an agent and a source reject a connection with trust options of its own", async () => {
  const { ca, server } = await startCluster();
  const agent = createHttpsAgent({ ca: staticCaSource(ca.pem) });
  onTestFinished(() => agent.destroy());
  for (const own of [
    { ca: ca.pem },
    { rejectUnauthorized: false },
    { minVersion: "TLSv1.1" },
    { ciphers: "ALL:@SECLEVEL=0" },
    { ciphers: "HIGH" },
    { session: Buffer.from("one of another trust") },
    { checkServerIdentity: () => undefined },
    { secureOptions: 4 },
  ] as const) {
    expect(() => createHttpsAgent({ pool: own })).toThrow(ConfigError);
    const sent = new Promise((resolve, reject) => {
      httpsRequest(`${server.origin}/version`, { agent, ...own }, resolve)
        .once("error", reject)
        .end();
    });
    expect(await rejection(sent)).toMatchObject({ name: "ConfigError" });
    const source = createSecureContextSource();
    onTestFinished(() => source.close());
    const target = { host: "127.0.0.1", port: server.port, ...own } as never;
    expect(await rejection(source.connect(target))).toMatchObject({ name: "ConfigError" });
  }
  expect((await server.stats()).connections).toBe(0);
});

test("an agent accepts options without effect, and applies those that make a connection stricter", async () => {
  const { ca, server } = await startCluster();
  const agent = createHttpsAgent({ ca: staticCaSource(ca.pem) });
  onTestFinished(() => agent.destroy());
  const socketOf = async (own: object): Promise<TLSSocket> =>
    await new Promise((resolve, reject) => {
      httpsRequest(`${server.origin}/version`, { agent, ...own }, (response) => {
        response.resume();
        resolve(response.socket as TLSSocket);
      })
        .once("error", reject)
        .end();
    });
  const empty = { ca: [], passphrase: "", secureOptions: 0, rejectUnauthorized: true };
  expect((await socketOf({ ...empty, checkServerIdentity })).authorized).toBe(true);
  expect((await socketOf({})).getProtocol()).toBe("TLSv1.3");
  expect((await socketOf({ maxVersion: "TLSv1.2" })).getProtocol()).toBe("TLSv1.2");
  const suite = "ECDHE-ECDSA-AES256-GCM-SHA384";
  const narrowed = await socketOf({ maxVersion: "TLSv1.2", ciphers: suite });
  expect(narrowed.getCipher().name).toBe(suite);
  const contradiction = socketOf({ minVersion: "TLSv1.3", maxVersion: "TLSv1.2" });
  expect(await rejection(contradiction)).toBeInstanceOf(Error);
});

test("a secure context source works in a program that opens its own connections", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = createSecureContextSource({ ca: fileCaSource(volume.caFile), trustWaitMs: 0 });
  onTestFinished(() => source.close());
  async function connectBy(settings: TlsSettings): Promise<void> {
    const socket = connect({ host: "127.0.0.1", port: server.port, ...settings });
    await once(socket, "secureConnect");
    socket.destroy();
  }
  const first = await source.current();
  await connectBy(first);
  const successor = await createCa();
  await server.restart(await successor.issue());
  const refused = await rejection(connectBy(first));
  expect(await source.afterFailure(first, refused)).toBeUndefined();
  await volume.write({ ca: successor.pem });
  const next = await source.afterFailure(first, refused);
  await connectBy(next ?? first);
  await connectBy(await source.current());
  expect(await source.afterFailure(await source.current(), new Error("other"))).toBeUndefined();
  expect(await rejection(source.afterFailure({ ...first }, refused))).toBeInstanceOf(TypeError);
});

test("afterFailure() of a secure context source waits for the file if the server was trusted before", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = createSecureContextSource({ ca: fileCaSource(volume.caFile) });
  onTestFinished(() => source.close());
  async function connectBy(settings: TlsSettings): Promise<void> {
    const socket = connect({ host: "127.0.0.1", port: server.port, ...settings });
    await once(socket, "secureConnect");
    socket.destroy();
  }
  const successor = await createCa();
  const first = await source.current();
  await connectBy(first);
  await server.restart(await successor.issue());
  const refused = await rejection(connectBy(first));
  const next = source.afterFailure(first, refused);
  await until("it waits", () => source.status().waitingForTrust[0]?.requests === 1);
  await volume.write({ ca: successor.pem });
  const settings = await next;
  if (settings === undefined) throw new Error("there is nothing to try with");
  await connectBy(settings);
  expect(source.status().waitingForTrust).toEqual([]);
});

test("afterFailure() of a secure context source does not wait for a server that was never trusted", async () => {
  const { server } = await startCluster();
  const volume = await createVolume({ ca: (await createCa()).pem });
  const source = createSecureContextSource({ ca: fileCaSource(volume.caFile) });
  onTestFinished(() => source.close());
  const settings = await source.current();
  const socket = connect({ host: "127.0.0.1", port: server.port, ...settings });
  const [refused] = await once(socket, "error");
  expect(await source.afterFailure(settings, refused)).toBeUndefined();
});

test("connect() of a secure context source ends when its signal is aborted", async () => {
  const { origin } = await control.blackhole();
  const source = createSecureContextSource({ ca: staticCaSource((await createCa()).pem) });
  onTestFinished(() => source.close());
  const abort = new AbortController();
  const port = Number(new URL(origin).port);
  const connecting = rejection(source.connect({ host: "127.0.0.1", port, signal: abort.signal }));
  await until("it connects", () => source.status().generations.length === 1);
  abort.abort(new Error("enough"));
  expect(await connecting).toMatchObject({ message: "enough" });
});

test.each(["http", "socks5"] as const)("every drop-in works through a %s proxy", async (scheme) => {
  const { ca, server } = await startCluster();
  const proxy = await control.proxy({ scheme });
  for (const { open } of dropIns) {
    const dropIn = open({ ca: staticCaSource(ca.pem), proxy: proxy.url });
    expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
    await dropIn.close();
  }
  expect((await proxy.stats()).targets).toHaveLength(dropIns.length);
});

/** A server that now trusts another client CA, and a source with a certificate of that CA. */
async function renewedClientCert() {
  const [before, after] = [
    await createCa({ commonName: "clients before" }),
    await createCa({ commonName: "clients after" }),
  ];
  const { ca, server } = await startCluster({ clientCa: before.pem, token: "unknown" });
  let pair = await before.issue({ client: true, commonName: "alice" });
  const clientCert = functionClientCertSource(() => ({ certificate: pair.cert, key: pair.key }), {
    reloadIntervalMs: 3_600_000, // So that only a 401 triggers a reload.
  });
  const options = { ca: staticCaSource(ca.pem), clientCert };
  async function renew(): Promise<void> {
    pair = await after.issue({ client: true, commonName: "alice again" });
    await server.swap({ clientCa: after.pem, forgetSessions: true });
    await server.dropConnections();
    await until("they are gone", async () => (await server.stats()).open === 0);
    await server.resetStats();
  }
  return { options, renew, url: `${server.origin}/echo`, server };
}

test.each([
  ["GET", undefined],
  ["POST", "payload"],
])(
  "a dispatcher retries a %s after a 401, with another client certificate",
  async (method, body) => {
    const { options, renew, url, server } = await renewedClientCert();
    const events: ReanchorEvent[] = [];
    const dispatcher = createDispatcher({ ...options, onEvent: (event) => events.push(event) });
    onTestFinished(() => dispatcher.destroy());
    const send = async () =>
      await request(url, { dispatcher, method, ...(body !== undefined && { body }) });
    await (await send()).body.text();
    await renew();
    const response = await send();
    expect(response.statusCode).toBe(200);
    expect(await response.body.json()).toMatchObject({
      clientCommonName: "alice again",
      body: body ?? "",
    });
    expect((await server.stats()).requests).toBe(2);
    expect(events.at(-1)).toMatchObject({ type: "retry", reason: "unauthorized", path: "/echo" });
    // A second 401 is returned to the caller.
    await server.swap({ clientCa: (await createCa()).pem, forgetSessions: true });
    await server.dropConnections();
    await until("they are gone", async () => (await server.stats()).open === 0);
    const refused = await send();
    expect(refused.statusCode).toBe(401);
    expect(await refused.body.json()).toMatchObject({ kind: "Status" });
  },
);

test("a dispatcher returns a 401 that it can't or must not retry", async () => {
  const { options, renew, url, server } = await renewedClientCert();
  const dispatcher = createDispatcher(options);
  onTestFinished(() => dispatcher.destroy());
  await (await request(url, { dispatcher })).body.text();
  await renew();
  const headers = { Authorization: "Bearer stale" };
  const own = await request(url, { dispatcher, headers });
  expect(own.statusCode).toBe(401);
  await own.body.text();
  const proxied = `${new URL(url).origin}/api/v1/namespaces/a/pods/b/proxy/`;
  const acting = await request(proxied, { dispatcher, method: "POST" });
  expect(acting.statusCode).toBe(401);
  await acting.body.text();
  expect((await server.stats()).requests).toBe(2);
  // It has reloaded the certificate all the same.
  expect((await request(url, { dispatcher })).statusCode).toBe(200);
});

test("a dispatcher ends a request that is aborted while it handles a 401", async () => {
  const { options, renew, url } = await renewedClientCert();
  const held = Promise.withResolvers<never>();
  const { clientCert } = options;
  const reloading = Promise.withResolvers<void>();
  const slow: typeof clientCert = {
    ...clientCert,
    current: clientCert.current.bind(clientCert),
    peek: clientCert.peek.bind(clientCert),
    subscribe: clientCert.subscribe.bind(clientCert),
    status: clientCert.status,
    reload: async () => {
      reloading.resolve();
      return await held.promise;
    },
  };
  const dispatcher = createDispatcher({ ...options, clientCert: slow });
  onTestFinished(() => dispatcher.destroy());
  await (await request(url, { dispatcher })).body.text();
  await renew();
  const abort = new AbortController();
  const sent = rejection(request(url, { dispatcher, signal: abort.signal }));
  await reloading.promise;
  abort.abort(new Error("enough"));
  expect(await sent).toMatchObject({ message: "enough" });
  held.reject(new Error("too late"));
});

test("an https agent reloads the client certificate after a 401", async () => {
  const { options, renew, url } = await renewedClientCert();
  const agent = createHttpsAgent(options);
  onTestFinished(() => agent.destroy());
  const get = async (headers = {}): Promise<number> =>
    (await axios.get(url, { httpsAgent: agent, proxy: false, headers, validateStatus: () => true }))
      .status;
  expect(await get()).toBe(200);
  await renew();
  expect(await get({ Authorization: "Bearer stale" })).toBe(401);
  expect(await get()).toBe(401);
  await until("it shows the new one", async () => (await get()) === 200);
});

test("an https agent lets Node drain a response that has no listener", async () => {
  const { options, url, server } = await renewedClientCert();
  const agent = createHttpsAgent({ ...options, pool: { maxSockets: 1 } });
  onTestFinished(() => agent.destroy());
  await Promise.all(
    [1, 2].map(
      (number) =>
        new Promise((resolve) => {
          httpsRequest(`${url}?${number}`, { agent }).once("close", resolve).end();
        }),
    ),
  );
  expect(await server.stats()).toMatchObject({ requests: 2, connections: 1 });
});

test("afterFailure() allows each rotation its own tries, however long the settings are kept", async () => {
  let { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = createSecureContextSource({ ca: fileCaSource(volume.caFile, { cooldownMs: 1 }) });
  onTestFinished(() => source.close());
  let settings = await source.current();
  async function connectOnce(): Promise<unknown> {
    const socket = connect({ host: "127.0.0.1", port: server.port, ...settings });
    const outcome = await once(socket, "secureConnect").catch((error: unknown) => error);
    socket.destroy();
    return outcome instanceof Error ? outcome : undefined;
  }
  for (let rotation = 0; rotation < 10; rotation += 1) {
    expect(await connectOnce()).toBeUndefined();
    const successor = await createCa();
    await server.swap({ ...(await successor.issue()), forgetSessions: true });
    await volume.write({ ca: successor.pem });
    const next = await source.afterFailure(settings, await connectOnce());
    expect(next).toBeDefined();
    settings = next ?? settings;
    ca = successor;
  }
  expect(await connectOnce()).toBeUndefined();
});

test("settings that are kept trust no server once one of their anchors was removed", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const trust = fileCaSource(volume.caFile);
  const source = createSecureContextSource({ ca: trust });
  onTestFinished(() => source.close());
  const kept = await source.current();
  async function connectOnce(): Promise<unknown> {
    const socket = connect({ host: "127.0.0.1", port: server.port, ...kept });
    const outcome = await once(socket, "secureConnect").catch((error: unknown) => error);
    socket.destroy();
    return outcome instanceof Error ? outcome : undefined;
  }
  const other = await createCa();
  await volume.write({ ca: ca.pem + other.pem });
  await trust.reload();
  expect(await connectOnce()).toBeUndefined();
  await volume.write({ ca: other.pem });
  await trust.reload();
  const late = await connectOnce();
  expect(late).toMatchObject({ name: "LateHandshakeError" });
  expect(await source.afterFailure(kept, late)).toMatchObject({ rejectUnauthorized: true });
});
