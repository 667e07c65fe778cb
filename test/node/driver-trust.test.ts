/**
 * The integrations for drivers, apart from rotation: which servers they reject, and how they report wrong
 * use.
 *
 * @module
 */

import { once } from "node:events";
import { Agent as HttpsAgent, createServer as createHttpsServer, get } from "node:https";
import { type Socket, connect as connectPlain, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { type ConnectionOptions, type TLSSocket, connect } from "node:tls";
import {
  CallCredentials,
  type ClientOptions,
  Metadata,
  connectivityState,
  credentials,
  makeGenericClientConstructor,
} from "@grpc/grpc-js";
import { Client } from "pg";
import { Agent, request } from "undici";
import { expect, onTestFinished, test } from "vitest";
import {
  type AgentOptions,
  type SecureContextSource,
  type TlsSettings,
  createPostgresStream,
  createSecureContextSource,
} from "../../runtimes/agents.ts";
import { createGrpcCredentials } from "../../runtimes/grpc.ts";
import { fileCaSource, staticCaSource } from "../../runtimes/node.ts";
import type { ServerIdentity } from "../../src/index.ts";
import {
  control,
  createVolume,
  rejection,
  startCluster,
  until,
} from "../contract/support/scene.ts";
import { type CreateCaOptions, createCa } from "../support/pki.ts";
import { echoBy, startGrpcServer } from "./support/drivers/grpc.ts";
import { startPostgresStandIn } from "./support/drivers/postgres.ts";

const host = "127.0.0.1";

function openSource(options: AgentOptions): SecureContextSource {
  const source = createSecureContextSource(options);
  onTestFinished(() => source.close());
  return source;
}

/** Connects once, and resolves to the error, if any. */
async function failureOf(options: ConnectionOptions): Promise<unknown> {
  const socket = connect(options);
  try {
    await once(socket, "secureConnect");
    return undefined;
  } catch (error) {
    return error;
  } finally {
    socket.destroy();
  }
}

/** Forwards to a server, and holds the server's bytes back until they are released. */
async function openHolding(port: number): Promise<{ port: number; release(): void }> {
  const gate = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    const onward = connectPlain({ host, port });
    for (const end of [socket, onward]) end.on("error", () => {});
    socket.pipe(onward);
    void gate.promise.then(() => onward.pipe(socket));
  });
  server.listen(0, host);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, release: () => gate.resolve() };
}

test("live() rejects a server whose anchor was removed during the handshake", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const trust = fileCaSource(volume.caFile);
  const live = await openSource({ ca: trust }).live();
  const holding = await openHolding(server.port);
  const outcome = failureOf({ host, port: holding.port, ...live });
  await volume.write({ ca: (await createCa()).pem });
  await trust.reload();
  holding.release();
  expect(await outcome).toMatchObject({ code: "CERT_REJECTED" });
  expect(await failureOf({ host, port: server.port, ...live })).toBeInstanceOf(Error);
});

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "settings keep an agent of Node's or undici's from resuming a session of a removed anchor, by %s",
  async (maxVersion) => {
    const ca = await createCa();
    const server = createHttpsServer({ ...(await ca.issue()), maxVersion }, (_, response) => {
      response.setHeader("connection", "close").end();
    });
    server.listen(0, host);
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const volume = await createVolume({ ca: ca.pem });
    const trust = fileCaSource(volume.caFile);
    const source = openSource({ ca: trust });
    const settings = [await source.live(), await source.current()];
    const senders = settings.flatMap((own) => {
      const [agent, dispatcher] = [new HttpsAgent({ ...own }), new Agent({ connect: { ...own } })];
      onTestFinished(async () => {
        agent.destroy();
        await dispatcher.destroy();
      });
      const byAgent = async (): Promise<void> => {
        const [response] = await once(get(url, { agent }), "response");
        await response.resume().toArray();
      };
      const byDispatcher = async (): Promise<void> => {
        await (await request(url, { dispatcher })).body.dump();
      };
      return [byAgent, byDispatcher];
    });
    for (const send of senders) await send();
    await volume.write({ ca: (await createCa()).pem });
    await trust.reload();
    for (const send of senders) {
      expect(await rejection(send())).toMatchObject({ code: expect.stringMatching(/CERT|LATE/) });
    }
  },
);

test("live() accepts a server during whose handshake an anchor of another server was removed", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem + (await createCa()).pem });
  const trust = fileCaSource(volume.caFile);
  const live = await openSource({ ca: trust }).live();
  const holding = await openHolding(server.port);
  const outcome = failureOf({ host, port: holding.port, ...live });
  await volume.write({ ca: ca.pem });
  await trust.reload();
  holding.release();
  expect(await outcome).toBeUndefined();
});

test("live() verifies the name in the certificate", async () => {
  const { ca, server } = await startCluster();
  const port = server.port;
  const live = await openSource({ ca: staticCaSource(ca.pem) }).live();
  expect(await failureOf({ port, ...live, host, servername: "other.internal" })).toMatchObject({
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
  const other = await openSource({
    ca: staticCaSource(ca.pem),
    serverName: "other.internal",
  }).live();
  expect(await failureOf({ host, port, ...other })).toMatchObject({
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
});

const spiffeId = "spiffe://example.org/ns/shop/sa/billing";
const identities: [string, ServerIdentity][] = [
  ["a SPIFFE ID", spiffeId],
  ["a function", ({ uris }) => uris.includes(spiffeId)],
];

test.each(identities)(
  "live() and current() check %s as serverIdentity, and reject a server of it under a stranger's CA",
  async (_, serverIdentity) => {
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts: [spiffeId] }), ca);
    const { server: other } = await startCluster(await ca.issue({ hosts: ["127.0.0.1"] }), ca);
    const right = openSource({ ca: staticCaSource(ca.pem), serverIdentity });
    for (const settings of [await right.live(), await right.current()]) {
      expect(await failureOf({ host, port: server.port, ...settings })).toBeUndefined();
      expect(await failureOf({ host, port: other.port, ...settings })).toBeInstanceOf(Error);
    }
    for (const named of [{ commonName: "stranger" }, {}]) {
      const trust = staticCaSource((await createCa(named)).pem);
      for (const accepted of [serverIdentity, () => true]) {
        const strange = openSource({ ca: trust, serverIdentity: accepted });
        for (const settings of [await strange.live(), await strange.current()]) {
          expect(await failureOf({ host, port: server.port, ...settings })).toMatchObject({
            code: expect.stringMatching(/CERT|SIGNATURE/),
          });
        }
      }
    }
  },
);

test.each(identities)(
  "createGrpcCredentials() checks %s as serverIdentity, and rejects a server of it under a stranger's CA",
  async (_, serverIdentity) => {
    const ca = await createCa();
    const server = await startGrpcServer(await ca.issue({ hosts: [spiffeId] }));
    const other = await startGrpcServer(await ca.issue());
    const right = openSource({ ca: staticCaSource(ca.pem), serverIdentity });
    expect(await callBy(right, `${host}:${server.port}`)).toBe("hello");
    expect(await rejection(callBy(right, `${host}:${other.port}`))).toMatchObject({
      code: 14,
      details: expect.stringContaining("wrong-host"),
    });
    const trust = staticCaSource((await createCa()).pem);
    for (const accepted of [serverIdentity, () => true]) {
      const strange = openSource({ ca: trust, serverIdentity: accepted });
      expect(await rejection(callBy(strange, `${host}:${server.port}`))).toMatchObject({
        code: 14,
        details: expect.stringContaining("unknown-authority"),
      });
    }
  },
);

test("live() finds the anchor of a server among others that OpenSSL can't distinguish from it", async () => {
  const twins: CreateCaOptions = { keyIdentifiers: false };
  const [before, after] = [await createCa(twins), await createCa(twins)];
  const { server } = await startCluster({}, before);
  const live = await openSource({ ca: staticCaSource(before.pem + after.pem) }).live();
  expect(await failureOf({ host, port: server.port, ...live })).toBeUndefined();
  await server.swap({ ...(await after.issue()), forgetSessions: true });
  await until("it tries the other", async () => {
    return (await failureOf({ host, port: server.port, ...live })) === undefined;
  });
  // It keeps using it.
  for (let count = 0; count < 5; count += 1) {
    expect(await failureOf({ host, port: server.port, ...live })).toBeUndefined();
  }
});

test("live() opens no connection once its source is closed", async () => {
  const { ca, server } = await startCluster();
  const source = createSecureContextSource({ ca: staticCaSource(ca.pem) });
  const live = await source.live();
  source.close();
  expect(() => connect({ host, port: server.port, ...live })).toThrow(/closed/);
});

test("afterFailure() accepts what live() returned", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = openSource({ ca: fileCaSource(volume.caFile) });
  const live = await source.live();
  const successor = await createCa();
  await server.swap({ ...(await successor.issue()), forgetSessions: true });
  const refused = await failureOf({ host, port: server.port, ...live });
  await volume.write({ ca: successor.pem });
  const next = await source.afterFailure(live, refused);
  expect(await failureOf({ host, port: server.port, ...next })).toBeUndefined();
  expect(await failureOf({ host, port: server.port, ...live })).toBeUndefined();
});

const EchoClient = makeGenericClientConstructor({}, "Echo");
/** By default, grpc-js sends an address as SNI, which Node 26 rejects. */
const named = { "grpc.ssl_target_name_override": "localhost" };

test.each<[string, CreateCaOptions]>([
  ["an unknown authority", { commonName: "another" }],
  ["an authority of the same name", {}],
  ["an authority of the same name without key identifiers", { keyIdentifiers: false }],
])(
  "afterFailure() recognises %s in the text of gRPC's code 14, at each rotation",
  async (_, options) => {
    const ca = await createCa({ keyIdentifiers: options.keyIdentifiers ?? true });
    const server = await startGrpcServer(await ca.issue());
    const volume = await createVolume({ ca: ca.pem });
    const source = openSource({ ca: fileCaSource(volume.caFile) });
    async function call(settings: TlsSettings): Promise<unknown> {
      const { secureContext, checkServerIdentity } = settings;
      const channel = credentials.createFromSecureContext(secureContext, { checkServerIdentity });
      const client = new EchoClient(`${host}:${server.port}`, channel, named);
      try {
        return await echoBy(client, "hello");
      } catch (error) {
        return error;
      } finally {
        client.close();
      }
    }
    let settings = await source.current();
    expect(await call(settings)).toBe("hello");
    for (let rotation = 0; rotation < 3; rotation += 1) {
      const successor = await createCa(options);
      await server.swap(await successor.issue());
      await server.dropConnections();
      await volume.write({ ca: successor.pem });
      const refused = await call(settings);
      expect(refused).toMatchObject({ code: 14 });
      const next = await source.afterFailure(settings, refused);
      expect(next).toBeDefined();
      settings = next ?? settings;
      expect(await call(settings)).toBe("hello");
    }
    await server.swap(await (await createCa()).issue({ hosts: ["other.internal"] }));
    const unreachable = Object.assign(new Error("14 UNAVAILABLE: connect ECONNREFUSED"), {
      code: 14,
    });
    expect(await source.afterFailure(settings, unreachable)).toBeUndefined();
  },
);

test("live() works in a gRPC channel that is never replaced", async () => {
  const ca = await createCa();
  const server = await startGrpcServer(await ca.issue());
  const volume = await createVolume({ ca: ca.pem });
  const { secureContext, checkServerIdentity } = await openSource({
    ca: fileCaSource(volume.caFile),
  }).live();
  const channel = credentials.createFromSecureContext(secureContext, { checkServerIdentity });
  const client = new EchoClient(`${host}:${server.port}`, channel, {
    ...named,
    "grpc.initial_reconnect_backoff_ms": 100,
  });
  onTestFinished(() => client.close());
  for (let rotation = 0; rotation < 3; rotation += 1) {
    expect(await echoBy(client, "hello", { waitForReady: true })).toBe("hello");
    const successor = await createCa();
    await volume.write({ ca: successor.pem });
    await server.swap(await successor.issue());
    const isReady = (): boolean =>
      client.getChannel().getConnectivityState(false) === connectivityState.READY;
    await server.dropConnections();
    await until("it is disconnected", () => !isReady());
  }
  expect(await echoBy(client, "hello", { waitForReady: true })).toBe("hello");
});

/** Calls a server with the credentials of a source, and closes the channel. */
async function callBy(
  source: SecureContextSource,
  target: string,
  options: ClientOptions = {},
): Promise<string> {
  const client = new EchoClient(target, createGrpcCredentials(source), options);
  try {
    return await echoBy(client, "hello");
  } finally {
    client.close();
  }
}

test("createGrpcCredentials() names the trusted CA when a server stays rejected", async () => {
  const server = await startGrpcServer(await (await createCa()).issue());
  const source = openSource({ ca: staticCaSource((await createCa()).pem) });
  expect(await rejection(callBy(source, `${host}:${server.port}`))).toMatchObject({
    code: 14,
    details: expect.stringContaining("Cannot trust 127.0.0.1"),
  });
});

test("createGrpcCredentials() verifies the name that gRPC uses", async () => {
  const ca = await createCa();
  const server = await startGrpcServer(await ca.issue({ hosts: ["billing.internal"] }));
  const source = openSource({ ca: staticCaSource(ca.pem) });
  const target = `${host}:${server.port}`;
  expect(await rejection(callBy(source, target))).toMatchObject({
    code: 14,
    details: expect.stringContaining("wrong-host"),
  });
  const billing = { "grpc.ssl_target_name_override": "billing.internal" };
  expect(await callBy(source, `ipv4:${target}`, billing)).toBe("hello");
  const byOption = openSource({ ca: staticCaSource(ca.pem), serverName: "billing.internal" });
  expect(await callBy(byOption, target)).toBe("hello");
});

test("createGrpcCredentials() connects again through gRPC's proxy", async () => {
  const ca = await createCa();
  const server = await startGrpcServer(await ca.issue());
  const volume = await createVolume({ ca: ca.pem });
  const proxy = await control.proxy({ scheme: "http" });
  const source = openSource({ ca: fileCaSource(volume.caFile) });
  const options = { "grpc.http_connect_target": `dns:${host}:${server.port}` };
  const { host: address } = new URL(proxy.url);
  expect(await callBy(source, address, options)).toBe("hello");
  const successor = await createCa();
  await server.swap(await successor.issue());
  await volume.write({ ca: successor.pem });
  expect(await callBy(source, address, options)).toBe("hello");
  expect((await proxy.stats()).targets).toHaveLength(3);
});

test("createGrpcCredentials() can be combined with call credentials", async () => {
  const ca = await createCa();
  const server = await startGrpcServer(await ca.issue());
  const source = openSource({ ca: staticCaSource(ca.pem) });
  let asked = 0;
  const perCall = CallCredentials.createFromMetadataGenerator((_options, done) => {
    asked += 1;
    done(null, new Metadata());
  });
  const combined = credentials.combineChannelCredentials(createGrpcCredentials(source), perCall);
  const client = new EchoClient(`${host}:${server.port}`, combined);
  onTestFinished(() => client.close());
  expect(await echoBy(client, "hello")).toBe("hello");
  expect(asked).toBe(1);
});

test("connect() with openStream opens a stream for each attempt, and verifies the server's name", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = openSource({ ca: fileCaSource(volume.caFile) });
  let opened = 0;
  async function openStream(signal: AbortSignal): Promise<Socket> {
    opened += 1;
    const socket = connectPlain({ host, port: server.port, signal });
    await once(socket, "connect");
    return socket;
  }
  async function ask(name: string): Promise<TLSSocket> {
    const socket = await source.connect({ host: name, openStream });
    socket.destroy();
    return socket;
  }
  expect((await ask("localhost")).authorized).toBe(true);
  expect(opened).toBe(1);
  const successor = await createCa();
  await server.swap({ ...(await successor.issue()), forgetSessions: true });
  await volume.write({ ca: successor.pem });
  expect((await ask("localhost")).authorized).toBe(true);
  expect(opened).toBe(3);
  expect(await rejection(ask("other.internal"))).toMatchObject({ reason: "wrong-host" });
});

test("connect() with openStream is bounded by connectTimeoutMs and the signal, and uses no proxy", async () => {
  const ca = staticCaSource((await createCa()).pem);
  const never = async (signal: AbortSignal): Promise<Socket> =>
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  const brief = openSource({ ca, connectTimeoutMs: 50 });
  expect(await rejection(brief.connect({ host, port: 1, openStream: never }))).toMatchObject({
    name: "ConnectionError",
    message: expect.stringContaining("longer than 50 ms"),
  });
  const source = openSource({ ca });
  const signal = AbortSignal.abort(new Error("enough"));
  expect(await rejection(source.connect({ host, openStream: never, signal }))).toMatchObject({
    message: "enough",
  });
  const refusal = new Error("no STARTTLS");
  const refuse = async (): Promise<Socket> => {
    throw refusal;
  };
  expect(await rejection(source.connect({ host, openStream: refuse }))).toBe(refusal);
  const proxied = openSource({ ca, proxy: "http://127.0.0.1:1" });
  expect(await rejection(proxied.connect({ host, openStream: never }))).toMatchObject({
    name: "ConfigError",
    message: expect.stringContaining("openStream"),
  });
});

test("createPostgresStream() explains errors: TLS requested twice, a server without TLS, a path, a rejected server", async () => {
  const ca = await createCa();
  const server = await startPostgresStandIn(await ca.issue());
  const stream = createPostgresStream(openSource({ ca: staticCaSource(ca.pem) }));
  const failure = async (options: object): Promise<unknown> => {
    const client = new Client({ host, port: server.port, user: "postgres", stream, ...options });
    client.on("error", () => {});
    return await rejection(client.connect());
  };
  expect(await failure({ ssl: true })).toMatchObject({
    message: expect.stringContaining('"ssl: false"'),
  });
  expect(await failure({ ssl: false, host: "/var/run/postgresql" })).toMatchObject({
    message: expect.stringContaining("Unix domain sockets"),
  });
  const plain = createServer((socket) => {
    socket.on("error", () => {}).once("data", () => socket.write("N"));
  });
  plain.listen(0, host);
  await once(plain, "listening");
  onTestFinished(() => void plain.close());
  const { port } = plain.address() as AddressInfo;
  expect(await failure({ ssl: false, port })).toMatchObject({
    message: expect.stringContaining("it speaks no TLS"),
  });
  const other = openSource({ ca: staticCaSource((await createCa()).pem) });
  expect(await failure({ ssl: false, stream: createPostgresStream(other) })).toMatchObject({
    code: "ERR_REANCHOR_UNTRUSTED_SERVER",
  });
});

test("createPostgresStream() transfers more than its buffers hold, in both directions", async () => {
  const ca = await createCa();
  const server = await startPostgresStandIn(await ca.issue());
  const stream = createPostgresStream(openSource({ ca: staticCaSource(ca.pem) }));
  const client = new Client({ host, port: server.port, user: "postgres", ssl: false, stream });
  await client.connect();
  const text = "x".repeat(3_000_000);
  const { rows } = await client.query<{ echo: string }>(`SELECT '${text}' AS echo`);
  expect(rows[0]?.echo.length).toBe(text.length);
  await client.end();
  await until("the connection is gone", () => server.open() === 0);
});
