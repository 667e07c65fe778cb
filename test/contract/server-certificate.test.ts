/**
 * A server uses the certificate and key that are in its files, without a restart and without dropped
 * connections.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { connect as connectPlain } from "node:net";
import { connect } from "node:tls";
import { describe, expect } from "vitest";
import { rotateServer } from "../../runtimes/server.ts";
import { bindFunctionCaSource } from "../../src/sources/ca-source.ts";
import {
  bindFileServerCertSource,
  bindFunctionServerCertSource,
} from "../../src/sources/server-cert-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { type IssuedCertificate, createCa } from "../support/pki.ts";
import { truncateMidBlock } from "../support/projected-volume.ts";
import { createPairFiles } from "./support/pair-files.ts";
import {
  ask,
  createPlainServer,
  hostOf,
  listen,
  openClient,
  serverKinds,
  serverTest,
  startRotating,
} from "./support/rotating-servers.ts";
import { createVolume, rejection, types, until } from "./support/scene.ts";

const INTERVAL_MS = 60_000;

async function issueTwo(): Promise<[IssuedCertificate, IssuedCertificate]> {
  const ca = await createCa();
  return [await ca.issue({ commonName: "first" }), await ca.issue({ commonName: "second" })];
}

function pemOf({ cert, key }: IssuedCertificate): { certificate: string; key: string } {
  return { certificate: cert, key };
}

/** A clock at the present time, at which the certificates are valid. */
function presentClock(): ManualClock {
  return new ManualClock(new Date());
}

describe.each(serverKinds)("%s", (kind) => {
  serverTest(
    "rotateServer() serves a new certificate once the interval is over, and keeps connections",
    async () => {
      const [first, second] = await issueTwo();
      const files = await createPairFiles(first);
      const clock = presentClock();
      const cert = bindFileServerCertSource(hostOf(clock))(files.paths);
      const scene = await startRotating({ kind, cert, clock });
      const open = await openClient(scene);
      expect((await open.ask()).server).toBe("first");

      await files.write(second);
      expect((await ask(scene)).server).toBe("first");
      await clock.advance(INTERVAL_MS);
      expect((await ask(scene)).server).toBe("second");
      expect((await open.ask()).server).toBe("first");
      expect(types(scene.events)).toEqual(["server-cert-reloaded"]);
      expect(scene.rotation.status()).toMatchObject({
        healthy: true,
        cert: { kind: "server-certificate", subject: "CN=second", failures: 0 },
        clientCa: undefined,
        draining: 0,
      });
    },
  );
});

serverTest(
  "fileServerCertSource() of one file is known by its bundle, through renewals",
  async () => {
    const [first, second] = await issueTwo();
    // As the podCertificate volume has it: the key first.
    const volume = await createVolume({ token: first.key + first.cert });
    const clock = presentClock();
    const cert = bindFileServerCertSource(hostOf(clock))(volume.tokenFile);
    const scene = await startRotating({ cert, clock });
    expect((await ask(scene)).server).toBe("first");
    await volume.write({ token: second.key + second.cert });
    await clock.advance(INTERVAL_MS);
    expect((await ask(scene)).server).toBe("second");
    expect(scene.rotation.status().cert).toMatchObject({
      source: `file ${volume.tokenFile}`,
      subject: "CN=second",
    });
    await truncateMidBlock(volume.tokenFile);
    await clock.advance(INTERVAL_MS);
    expect((await ask(scene)).server).toBe("second");
    expect(types(scene.events)).toEqual(["server-cert-reloaded", "reload-failed"]);
  },
);

serverTest(
  "rotateServer() warns of its certificate and of client CAs that expire, once each",
  async () => {
    const hour = 3_600_000;
    const notAfter = new Date(Date.now() + 5 * hour);
    const ca = await createCa();
    const pair = await ca.issue({ commonName: "first", notAfter });
    const clients = await createCa({ commonName: "clients", notAfter });
    const clock = presentClock();
    const cert = bindFunctionServerCertSource(hostOf(clock))(() => pemOf(pair));
    const clientCa = bindFunctionCaSource(hostOf(clock))(() => clients.pem);
    const warnBeforeExpiryMs = [6 * hour];
    const scene = await startRotating({ cert, clientCa, clock, warnBeforeExpiryMs });
    const client = await clients.issue({ client: true, commonName: "alice" });
    await ask(scene, client);
    await ask(scene, client);
    const warnings = scene.events.filter(({ type }) => type.endsWith("-expiring"));
    expect(warnings).toHaveLength(2);
    expect(warnings).toContainEqual(
      expect.objectContaining({
        type: "server-cert-expiring",
        subject: "CN=first",
        distanceMs: 6 * hour,
      }),
    );
    expect(warnings).toContainEqual(
      expect.objectContaining({ type: "ca-expiring", subject: "CN=clients", distanceMs: 6 * hour }),
    );
  },
);

serverTest("rotateServer() reads once an interval for any number of connections", async () => {
  const [first, second] = await issueTwo();
  const clock = presentClock();
  let reads = 0;
  const cert = bindFunctionServerCertSource(hostOf(clock))(() => {
    reads++;
    return pemOf(reads === 1 ? first : second);
  });
  const scene = await startRotating({ cert, clock });
  await Promise.all(Array.from({ length: 20 }, () => ask(scene)));
  expect(reads).toBe(1);
  await clock.advance(INTERVAL_MS);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(scene)));
  expect(new Set(answers.map(({ server }) => server))).toEqual(new Set(["second"]));
  expect(reads).toBe(2);
});

describe("a connection that finds the values too old", () => {
  serverTest("is held ahead of its handshake until they are read", async () => {
    const [first, second] = await issueTwo();
    const clock = presentClock();
    const { promise: read, resolve } = Promise.withResolvers<void>();
    let reads = 0;
    const cert = bindFunctionServerCertSource(hostOf(clock))(async () => {
      reads++;
      if (reads === 1) return pemOf(first);
      await read;
      return pemOf(second);
    });
    const scene = await startRotating({ cert, clock });
    await clock.advance(INTERVAL_MS);
    const asked = Promise.all([ask(scene), ask(scene)]);
    await until("both wait", () => scene.rotation.status().held === 2);
    expect(scene.sockets).toEqual([]);
    resolve();
    expect((await asked).map(({ server }) => server)).toEqual(["second", "second"]);
    expect(scene.rotation.status().held).toBe(0);
    expect(clock.pending).toBe(0);
  });

  serverTest("gets the last good certificate if the read fails or takes too long", async () => {
    const [first, second] = await issueTwo();
    const clock = presentClock();
    let reads = 0;
    const cert = bindFunctionServerCertSource(hostOf(clock))(
      () => {
        reads++;
        if (reads === 1) return pemOf(first);
        if (reads === 2) throw new Error("the store is down");
        if (reads === 3) return new Promise(() => {});
        return pemOf(second);
      },
      { readTimeoutMs: 3_600_000 },
    );
    const scene = await startRotating({ cert, clock, holdTimeoutMs: 5_000 });
    await clock.advance(INTERVAL_MS);
    expect((await ask(scene)).server).toBe("first");
    expect(types(scene.events)).toEqual(["reload-failed"]);
    expect(scene.rotation.status().cert).toMatchObject({
      failures: 1,
      lastError: expect.stringMatching(/server certificate from function: the store is down/),
    });

    await clock.advance(INTERVAL_MS);
    const asked = ask(scene);
    await until("it waits", () => scene.rotation.status().held === 1);
    await clock.advance(4_999);
    expect(scene.rotation.status().held).toBe(1);
    await clock.advance(1);
    expect((await asked).server).toBe("first");
    expect(scene.rotation.status().healthy).toBe(true);
  });

  serverTest("is closed if too many wait, and an event says so once a read", async () => {
    const [first] = await issueTwo();
    const clock = presentClock();
    const { promise: read, resolve } = Promise.withResolvers<void>();
    let reads = 0;
    const cert = bindFunctionServerCertSource(hostOf(clock))(async () => {
      reads++;
      if (reads > 1) await read;
      return pemOf(first);
    });
    const scene = await startRotating({ cert, clock, maxHeldConnections: 2 });
    await clock.advance(INTERVAL_MS);
    const held = [ask(scene), ask(scene)];
    await until("they wait", () => scene.rotation.status().held === 2);
    await Promise.all(Array.from({ length: 5 }, () => rejection(ask(scene))));
    resolve();
    expect((await Promise.all(held)).length).toBe(2);
    expect(scene.events).toEqual([
      { type: "connections-dropped", reason: "too-many", connections: 5 },
    ]);
  });

  serverTest("may go away while it waits", async () => {
    const [first] = await issueTwo();
    const clock = presentClock();
    const { promise: read, resolve } = Promise.withResolvers<void>();
    let reads = 0;
    const cert = bindFunctionServerCertSource(hostOf(clock))(async () => {
      reads++;
      if (reads > 1) await read;
      return pemOf(first);
    });
    const scene = await startRotating({ cert, clock });
    await clock.advance(INTERVAL_MS);
    const gone = connectPlain(scene.port, "127.0.0.1");
    gone.on("error", () => {});
    await until("it waits", () => scene.rotation.status().held === 1);
    gone.resetAndDestroy();
    await until("it is forgotten", () => scene.rotation.status().held === 0);
    resolve();
    expect((await ask(scene)).server).toBe("first");
  });
});

serverTest("rotateServer() never serves a torn pair", async () => {
  const [first, second] = await issueTwo();
  const files = await createPairFiles(first);
  const clock = presentClock();
  const cert = bindFileServerCertSource(hostOf(clock))(files.paths);
  const scene = await startRotating({ cert, clock });
  await writeFile(files.paths.certificate, second.cert);
  await clock.advance(INTERVAL_MS);
  const asked = ask(scene);
  // The source retries a few times, on a clock that stands still.
  let answered = false;
  void asked.then(() => {
    answered = true;
  });
  await until("it is answered", async () => {
    if (!answered) await clock.advance(25);
    return answered;
  });
  expect((await asked).server).toBe("first");
  expect(scene.rotation.status().cert.lastError).toMatch(/does not belong to the certificate/);

  await writeFile(files.paths.key, second.key);
  await clock.advance(INTERVAL_MS);
  expect((await ask(scene)).server).toBe("second");
});

serverTest(
  "rotateServer() says when the certificate expires and no newer one is there",
  async () => {
    const ca = await createCa();
    const HOUR_MS = 3_600_000;
    const pair = await ca.issue({
      commonName: "late",
      notBefore: new Date(Date.now() - 10 * HOUR_MS),
      notAfter: new Date(Date.now() + HOUR_MS),
    });
    const clock = presentClock();
    const cert = bindFunctionServerCertSource(hostOf(clock))(() => pemOf(pair));
    const scene = await startRotating({ cert, clock });
    expect(scene.events).toMatchObject([
      { type: "server-cert-expiring", subject: "CN=late", source: "function" },
    ]);
    expect(scene.rotation.status().healthy).toBe(true);
    await clock.advance(2 * HOUR_MS);
    expect(scene.rotation.status().healthy).toBe(false);
  },
);

serverTest(
  "rotateServer() rejects if there is nothing to serve, and leaves the server",
  async () => {
    const [first] = await issueTwo();
    const server = createPlainServer("https");
    const port = await listen(server);
    const { promise: reading, resolve: read } = Promise.withResolvers<void>();
    const clock = presentClock();
    const missing = bindFunctionServerCertSource(hostOf(clock))(async () => {
      await reading;
      throw new Error("no secret of that name");
    });
    const rotated = rejection(rotateServer(server, { cert: missing }));
    const early = rejection(ask({ kind: "https", port }));
    read();
    expect(await rotated).toMatchObject({
      name: "SourceError",
      message: "Cannot load server certificate from function: no secret of that name",
    });
    await early;

    const cert = bindFunctionServerCertSource(hostOf(clock))(() => pemOf(first));
    const rotation = await rotateServer(server, { cert });
    expect((await ask({ kind: "https", port })).server).toBe("first");
    rotation.close();
  },
);

serverTest("rotateServer() keeps what the server's owner has set", async () => {
  const [first, second] = await issueTwo();
  const clock = presentClock();
  let pair = first;
  const cert = bindFunctionServerCertSource(hostOf(clock))(() => pemOf(pair));
  const scene = await startRotating({ kind: "tls", tls: { minVersion: "TLSv1.3" }, cert, clock });
  const failsByVersion = async (): Promise<void> => {
    const error = await new Promise<unknown>((resolve) => {
      const socket = connect({
        host: "127.0.0.1",
        port: scene.port,
        rejectUnauthorized: false,
        maxVersion: "TLSv1.2",
      });
      socket.once("error", resolve);
      socket.once("secureConnect", () => {
        socket.destroy();
        resolve(undefined);
      });
    });
    expect(error).toBeDefined();
  };
  await failsByVersion();
  pair = second;
  await clock.advance(INTERVAL_MS);
  expect((await ask(scene)).server).toBe("second");
  await failsByVersion();
  const { cert: text, key } = first;
  expect(() => scene.server.setSecureContext({ cert: text, key })).toThrow(
    /its certificate rotates/,
  );
});

serverTest("rotateServer() rejects a server that has a certificate of its own", async () => {
  const [{ cert: text, key }] = await issueTwo();
  const cert = bindFunctionServerCertSource(hostOf(presentClock()))(() => ({
    certificate: text,
    key,
  }));
  for (const kind of serverKinds) {
    const error = await rejection(
      rotateServer(createPlainServer(kind, { cert: text, key }), { cert }),
    );
    expect(error).toMatchObject({ name: "ConfigError" });
    expect(String(error)).toMatch(/made with (?:cert|key), in whose place the option cert comes/);
  }
  const rotated = createPlainServer("https");
  const rotation = await rotateServer(rotated, { cert });
  expect(String(await rejection(rotateServer(rotated, { cert })))).toMatch(/rotates already/);
  rotation.close();
  const { createServer } = await import("node:http");
  expect(await rejection(rotateServer(createServer() as never, { cert }))).toMatchObject({
    name: "ConfigError",
  });
});

serverTest("close() rejects new connections and keeps open ones", async () => {
  const [first] = await issueTwo();
  const cert = bindFunctionServerCertSource(hostOf(presentClock()))(() => pemOf(first));
  const scene = await startRotating({ cert });
  const open = await openClient(scene);
  await open.ask();
  scene.rotation.close();
  await rejection(ask(scene));
  expect((await open.ask()).server).toBe("first");
  expect(scene.rotation.status()).toMatchObject({ healthy: false, closed: true });
});
