/**
 * A server trusts exactly the client CAs in its bundle. No connection and no TLS session outlives the removal
 * of its CA.
 *
 * @module
 */

import { type Socket, connect as connectPlain, createServer as createPlain } from "node:net";
import type { AddressInfo } from "node:net";
import { createSecureContext } from "node:tls";
import { describe, expect, onTestFinished } from "vitest";
import { rotateServer } from "../../runtimes/server.ts";
import { bindFunctionCaSource } from "../../src/sources/ca-source.ts";
import { bindFunctionServerCertSource } from "../../src/sources/server-cert-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { type TestCa, createCa } from "../support/pki.ts";
import { traits } from "./support/traits.ts";
import {
  type RotatingScene,
  type SceneOptions,
  ask,
  askByNode,
  createPlainServer,
  hostOf,
  listen,
  openClient,
  serverKinds,
  serverTest,
  startRotating,
} from "./support/rotating-servers.ts";
import { rejection, types, until } from "./support/scene.ts";

const INTERVAL_MS = 60_000;

/** A server with a bundle of client CAs that a test can replace. */
interface MutualScene extends RotatingScene {
  readonly clock: ManualClock;
  /** Replaces the bundle. The next connection reloads it. */
  trust(...cas: TestCa[]): Promise<void>;
  /** Replaces the bundle, and reloads it now. */
  trustNow(...cas: TestCa[]): Promise<void>;
  /** Replaces the server's certificate as well, at the next interval. */
  renew(): Promise<void>;
}

async function startMutual(
  trusted: readonly TestCa[],
  options: Partial<SceneOptions> = {},
): Promise<MutualScene> {
  const clock = new ManualClock(new Date());
  const issuer = await createCa();
  let pair = await issuer.issue();
  let bundle = pemOf(trusted);
  const host = hostOf(clock);
  const clientCa = bindFunctionCaSource(host)(() => bundle);
  const cert = bindFunctionServerCertSource(host)(() => ({
    certificate: pair.cert,
    key: pair.key,
  }));
  const scene = await startRotating({ cert, clientCa, clock, ...options });
  return {
    ...scene,
    clock,
    async trust(...cas) {
      bundle = pemOf(cas);
      await clock.advance(INTERVAL_MS);
    },
    async trustNow(...cas) {
      bundle = pemOf(cas);
      await clock.advance(INTERVAL_MS);
      await clientCa.reload();
    },
    async renew() {
      pair = await issuer.issue();
      await clock.advance(INTERVAL_MS);
    },
  };
}

function pemOf(cas: readonly TestCa[]): string {
  return cas.map(({ pem }) => pem).join("");
}

async function createClients(): Promise<{ old: TestCa; next: TestCa }> {
  // Both have the same name, as kubeadm's CAs do.
  return { old: await createCa(), next: await createCa() };
}

describe.each(serverKinds)("%s", (kind) => {
  serverTest("rotateServer() trusts both CAs of an overlap, then the new one alone", async () => {
    const { old, next } = await createClients();
    const alice = await old.issue({ client: true, commonName: "alice" });
    const bob = await next.issue({ client: true, commonName: "bob" });
    const scene = await startMutual([old], { kind });
    expect(await ask(scene, alice)).toMatchObject({ client: "alice", authorized: true });
    await rejection(ask(scene, bob));
    await rejection(ask(scene));

    await scene.trust(old, next);
    expect(await ask(scene, bob)).toMatchObject({ client: "bob", authorized: true });
    expect(await ask(scene, alice)).toMatchObject({ client: "alice", authorized: true });

    await scene.trust(next);
    await rejection(ask(scene, alice));
    expect(await ask(scene, bob)).toMatchObject({ client: "bob", authorized: true });
    expect(scene.rotation.status()).toMatchObject({
      healthy: true,
      clientCa: { kind: "ca", anchors: [{ subject: "CN=kubernetes" }], failures: 0 },
    });
  });

  serverTest("rotateServer() ends open connections of a removed CA, and no others", async () => {
    const { old, next } = await createClients();
    const scene = await startMutual([old, next], { kind, drainTimeoutMs: 5_000 });
    const alice = await old.issue({ client: true, commonName: "alice" });
    const idle = await openClient(scene, alice);
    await idle.ask();
    const busy = await openClient(scene, alice);
    const { ended } = await busy.hold();
    const bob = await openClient(scene, await next.issue({ client: true, commonName: "bob" }));
    await bob.ask();

    await scene.trustNow(next);
    expect(types(scene.events)).toEqual(["ca-reloaded", "clients-retired"]);
    expect(scene.events.at(-1)).toMatchObject({ connections: 2, drainTimeoutMs: 5_000 });
    if (kind !== "tls") {
      await until("the idle one is closed", () => idle.closed);
      expect(scene.rotation.status()).toMatchObject({ connections: 1, draining: 1 });
    }
    expect(busy.closed).toBe(kind === "http2");
    expect(await bob.ask()).toMatchObject({ client: "bob" });

    if (kind === "tls") {
      // The protocol does not show what the connection carries, so both stay open until the drain ends.
      expect(scene.rotation.status()).toMatchObject({ connections: 1, draining: 2 });
      await scene.clock.advance(5_000);
    } else {
      // It ends what it carries by itself.
      scene.release();
      expect(await ended).toMatch(/held$/);
    }
    await until("they are closed", () => idle.closed && busy.closed);
    await until("none drains", () => scene.rotation.status().draining === 0);
    expect(await bob.ask()).toMatchObject({ client: "bob" });
    await until("no timer is left", () => scene.clock.pending === 0);
  });

  serverTest("drainTimeoutMs ends what a connection of a removed CA still carries", async () => {
    const { old, next } = await createClients();
    const scene = await startMutual([old, next], { kind, drainTimeoutMs: 5_000 });
    const client = await openClient(scene, await old.issue({ client: true }));
    const { ended } = await client.hold();
    const end = rejection(ended).catch(() => {});
    await scene.trustNow(next);
    await scene.clock.advance(4_999);
    expect(scene.rotation.status().draining).toBe(1);
    await scene.clock.advance(1);
    await until("it is closed", () => client.closed);
    await until("none drains", () => scene.rotation.status().draining === 0);
    await end;
  });
});

serverTest("close() ends the connections that drain", async () => {
  const { old, next } = await createClients();
  const scene = await startMutual([old, next], { kind: "tls" });
  const client = await openClient(scene, await old.issue({ client: true }));
  await client.ask();
  await scene.trustNow(next);
  scene.rotation.close();
  await until("it is closed", () => client.closed);
  await until("no timer is left", () => scene.clock.pending === 0);
});

serverTest("rotateServer() sees a removed CA under a connection that stays open", async () => {
  const { old, next } = await createClients();
  for (const kind of ["https", "http2"] as const) {
    const scene = await startMutual([old, next], { kind });
    const alice = await openClient(scene, await old.issue({ client: true }));
    await alice.ask();
    await scene.trust(next);
    // There is no new connection: a request on the open one triggers the reload.
    await alice.ask().catch(() => {});
    await until("it is closed", () => alice.closed);
  }
});

describe.each(["TLSv1.2", "TLSv1.3"] as const)("%s", (version) => {
  const tls = { minVersion: version, maxVersion: version };

  serverTest("a session is resumed while its CA is there, and never after", async () => {
    const { old, next } = await createClients();
    const alice = await old.issue({ client: true, commonName: "alice" });
    const scene = await startMutual([old], { kind: "tls", tls: { ...tls } });
    scene.server.on("secureConnection", () => void scene.sockets.at(-1)?.end());
    const first = await askByNode(scene.port, version, alice);
    expect(first.received).toMatch("alice");
    expect(first.session).toBeDefined();
    expect(
      (await askByNode(scene.port, version, { ...alice, session: first.session })).received,
    ).toMatch("alice");
    expect(scene.isResumed()).toBe(true);
    await scene.renew();
    expect(
      (await askByNode(scene.port, version, { ...alice, session: first.session })).received,
    ).toMatch("alice");
    expect(scene.isResumed()).toBe(true);

    const admitted = scene.sockets.length;
    await scene.trust(next);
    expect(
      (await askByNode(scene.port, version, { ...alice, session: first.session })).received,
    ).toBe("");
    expect(scene.sockets.length).toBe(admitted);

    // The CA is back. Deno has resumed the session all the time, and the client is trusted again.
    await scene.trust(old, next);
    expect(
      (await askByNode(scene.port, version, { ...alice, session: first.session })).received,
    ).toMatch("alice");
    expect(scene.isResumed()).toBe(traits.resumesAfterCaReturns);
  });

  serverTest("a session that the owner's store has kept does not outlive its CA", async () => {
    const { old, next } = await createClients();
    const alice = await old.issue({ client: true, commonName: "alice" });
    const { SSL_OP_NO_TICKET } = (await import("node:constants")).default;
    const scene = await startMutual([old], {
      kind: "tls",
      tls: { ...tls, secureOptions: SSL_OP_NO_TICKET },
    });
    const store = new Map<string, Buffer>();
    scene.server.on("newSession", (id: Buffer, data: Buffer, done: () => void) => {
      store.set(id.toString("hex"), data);
      done();
    });
    scene.server.on(
      "resumeSession",
      (id: Buffer, done: (error: Error | null, data: Buffer | null) => void) => {
        done(null, store.get(id.toString("hex")) ?? null);
      },
    );
    scene.server.on("secureConnection", () => void scene.sockets.at(-1)?.end());
    const { session } = await askByNode(scene.port, version, alice);
    expect((await askByNode(scene.port, version, { ...alice, session })).received).toMatch("alice");
    if (traits.hasServerSessions && version === "TLSv1.2") {
      expect(scene.isResumed()).toBe(true);
    }
    const admitted = scene.sockets.length;
    await scene.trust(next);
    expect((await askByNode(scene.port, version, { ...alice, session })).received).toBe("");
    expect(scene.sockets.length).toBe(admitted);
  });

  serverTest("a session that another server of the process has made admits nobody", async () => {
    const { old, next } = await createClients();
    const pair = await (await createCa()).issue();
    const alice = await next.issue({ client: true, commonName: "alice" });
    const scene = await startMutual([old], { kind: "tls", tls: { ...tls } });
    // A server that asks for no certificate, and one that accepts any.
    for (const own of [{}, { requestCert: true, rejectUnauthorized: false }]) {
      const other = createPlainServer("tls", { ...tls, ...own, cert: pair.cert, key: pair.key });
      other.on("secureConnection", (socket) => void socket.end());
      const { session } = await askByNode(await listen(other), version, alice);
      expect(session).toBeDefined();
      expect((await askByNode(scene.port, version, { ...alice, session })).received).toBe("");
    }
    expect(scene.sockets).toEqual([]);
  });

  serverTest("a handshake that ends after its CA was removed admits nobody", async () => {
    const { old, next } = await createClients();
    const scene = await startMutual([old, next], { kind: "tls", tls: { ...tls } });
    const stalled = await createStallingProxy(scene.port);
    const alice = askByNode(stalled.port, version, await old.issue({ client: true }));
    await stalled.stalls();
    await scene.trust(next);
    stalled.release();
    expect((await alice).received).toBe("");
    expect(scene.sockets).toEqual([]);

    // A handshake of another client that was equally late succeeds.
    const again = await createStallingProxy(scene.port);
    scene.server.on("secureConnection", () => void scene.sockets.at(-1)?.end());
    const client = await next.issue({ client: true, commonName: "bob" });
    const bob = askByNode(again.port, version, client);
    await again.stalls();
    await scene.trust(next, await createCa());
    again.release();
    expect((await bob).received).toMatch("bob");
  });
});

/**
 * Forwards the client's first bytes and the server's answer. After that, nothing from the client until it is
 * released.
 */
async function createStallingProxy(
  port: number,
): Promise<{ port: number; stalls(): Promise<void>; release(): void }> {
  const { promise: stalled, resolve: stall } = Promise.withResolvers<void>();
  let waiting: Uint8Array[] | undefined = [];
  let upstream: Socket | undefined;
  let pieces = 0;
  const proxy = createPlain((client) => {
    client.on("error", () => {});
    const server = connectPlain(port, "127.0.0.1");
    upstream = server;
    server.on("error", () => {});
    server.on("data", (chunk) => client.write(chunk));
    server.on("close", () => client.destroy());
    client.on("close", () => server.destroy());
    client.on("data", (chunk: Uint8Array) => {
      pieces++;
      if (pieces === 1 || waiting === undefined) server.write(chunk);
      else {
        waiting.push(chunk);
        stall();
      }
    });
  });
  await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void proxy.close());
  return {
    port: (proxy.address() as AddressInfo).port,
    stalls: () => stalled,
    release() {
      for (const chunk of waiting ?? []) upstream?.write(chunk);
      waiting = undefined;
    },
  };
}

serverTest(
  "rotateServer() keeps the last good bundle if a read fails, or TLS rejects it",
  async () => {
    const { old } = await createClients();
    const alice = await old.issue({ client: true, commonName: "alice" });
    let bundle = old.pem;
    const clock = new ManualClock(new Date());
    const pair = await (await createCa()).issue();
    const host = hostOf(clock);
    const scene = await startRotating({
      clock,
      cert: bindFunctionServerCertSource(host)(() => ({ certificate: pair.cert, key: pair.key })),
      clientCa: bindFunctionCaSource(host)(() => bundle),
    });
    bundle = "no certificate here";
    await clock.advance(INTERVAL_MS);
    expect(await ask(scene, alice)).toMatchObject({ client: "alice" });
    expect(scene.rotation.status().clientCa).toMatchObject({ failures: 1 });

    // A leaf certificate for a server, which is neither a CA nor a client's.
    bundle = "";
    await clock.advance(INTERVAL_MS);
    expect(await ask(scene, alice)).toMatchObject({ client: "alice" });
    expect(new Set(types(scene.events))).toEqual(new Set(["reload-failed"]));
  },
);

serverTest(
  "rotateServer() leaves it to the owner whether clients without a trusted certificate may in",
  async () => {
    const { old, next } = await createClients();
    const scene = await startMutual([old], { tls: { rejectUnauthorized: false } });
    const alice = await old.issue({ client: true, commonName: "alice" });
    const bob = await next.issue({ client: true, commonName: "bob" });
    expect(await ask(scene, alice)).toMatchObject({ client: "alice", authorized: true });
    expect(await ask(scene)).toMatchObject({ client: "", authorized: false });
    expect(await ask(scene, bob)).toMatchObject({ client: "bob", authorized: false });
    const anonymous = await openClient(scene);
    await anonymous.ask();
    await scene.trustNow(next);
    expect(await anonymous.ask()).toMatchObject({ authorized: false });
  },
);

serverTest("rotateServer() rejects what clients would get past the client CA by", async () => {
  const { old } = await createClients();
  const pair = await (await createCa()).issue();
  const host = hostOf(new ManualClock(new Date()));
  const cert = bindFunctionServerCertSource(host)(() => ({
    certificate: pair.cert,
    key: pair.key,
  }));
  const clientCa = bindFunctionCaSource(host)(() => old.pem);
  const context = createSecureContext({ cert: pair.cert, key: pair.key });
  const options = {
    ca: { ca: old.pem },
    SNICallback: {
      SNICallback: (_: string, done: (e: null, c: typeof context) => void) => done(null, context),
    },
    ...(traits.hasServerSessions && {
      ticketKeys: { ticketKeys: Buffer.alloc(48, 1) },
      pskCallback: { pskCallback: () => null, ciphers: "PSK" },
    }),
  };
  for (const [name, tls] of Object.entries(options)) {
    const server = createPlainServer("tls", tls);
    const error = await rejection(rotateServer(server, { cert, clientCa }));
    expect(error).toMatchObject({ name: "ConfigError" });
    expect(String(error)).toMatch(`it was made with ${name}`);
  }
  const withContext = createPlainServer("tls");
  withContext.addContext("other.example", context);
  expect(String(await rejection(rotateServer(withContext, { cert, clientCa })))).toMatch(
    /Cannot add a secure context/,
  );

  const server = createPlainServer("tls");
  const rotation = await rotateServer(server, { cert, clientCa });
  expect(() => server.addContext("other.example", context)).toThrow(/Cannot add a secure context/);
  expect(() => server.setTicketKeys(Buffer.alloc(48, 1))).toThrow(/Cannot set the ticket keys/);
  rotation.close();
  // Without client CAs, the caller's own settings apply to both.
  const alone = createPlainServer("tls");
  const other = await rotateServer(alone, { cert });
  alone.addContext("other.example", context);
  other.close();
});
