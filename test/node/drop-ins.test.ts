/**
 * The rotation contract, kept by each drop-in: its clauses a to g are those of `test/contract`.
 *
 * @module
 */

import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { connect } from "node:tls";
import axios from "axios";
import { interceptors, request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type TlsSettings,
  createDispatcher,
  createHttpsAgent,
  createSecureContextSource,
} from "../../runtimes/agents.ts";
import {
  ConfigError,
  SourceError,
  UntrustedServerError,
  fileCaSource,
  functionCaSource,
  functionClientCertSource,
  staticCaSource,
} from "../../runtimes/node.ts";
import { authorityKinds } from "../contract/support/authorities.ts";
import {
  control,
  createVolume,
  rejection,
  startCluster,
  types,
  until,
} from "../contract/support/scene.ts";
import { createCa } from "../support/pki.ts";
import { truncateMidBlock } from "../support/projected-volume.ts";
import { type DropIn, ask, dropIns } from "./support/drop-ins.ts";

/** The error of reanchor's in what a client wraps it in. */
async function refusal(promise: Promise<unknown>): Promise<unknown> {
  let error = await rejection(promise);
  while (error instanceof Error && !("reason" in error) && error.cause) error = error.cause;
  return error;
}

const cases = dropIns.flatMap((dropIn) =>
  authorityKinds.map(({ kind, next }) => ({ ...dropIn, kind, next })),
);

describe.each(cases)("$name, $kind", ({ open, pools, next }) => {
  test("a. trusts its bundle and nobody else", async () => {
    const { ca, server } = await startCluster({}, await next());
    const trusting = open({ ca: staticCaSource(ca.pem) });
    expect(await ask(trusting, `${server.origin}/version`)).toContain("gitVersion");
    await server.resetStats();
    const other = open({ ca: staticCaSource((await next()).pem) });
    expect(await refusal(ask(other, `${server.origin}/version`))).toBeInstanceOf(
      UntrustedServerError,
    );
    expect(await refusal(ask(open({}), `${server.origin}/version`))).toBeInstanceOf(
      UntrustedServerError,
    );
    expect(await server.stats()).toMatchObject({ requests: 0 });
  });

  test.each([60_000, 20])(
    "b. fails no request of 16 loops in two rotations with overlap at an interval of %i ms",
    async (reloadIntervalMs) => {
      let { ca, server } = await startCluster({}, await next());
      const volume = await createVolume({ ca: ca.pem });
      const dropIn = open({ ca: fileCaSource(volume.caFile, { reloadIntervalMs }) });
      let done = 0;
      let running = true;
      const failures: unknown[] = [];
      const loops = Array.from({ length: 16 }, async () => {
        while (running) {
          const sent = ask(dropIn, `${server.origin}/echo`, "payload");
          await sent.catch((error: unknown) => failures.push(error));
          done += 1;
        }
      });
      async function more(): Promise<void> {
        const goal = done + 32;
        await until("more requests are done", () => done >= goal);
      }
      for (let rotation = 0; rotation < 2; rotation += 1) {
        const successor = await next();
        await more();
        await volume.write({ ca: ca.pem + successor.pem });
        await more();
        await server.swap({ ...(await successor.issue()), forgetSessions: true });
        await more();
        await volume.write({ ca: successor.pem });
        await more();
        ca = successor;
      }
      // Before it ends, everything is connected anew, to a server of the newest authority alone.
      running = false;
      await Promise.all(loops);
      await server.dropConnections();
      await until("they are gone", async () => (await server.stats()).open === 0);
      expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
      expect(failures).toEqual([]);
    },
  );

  test.each([
    ["GET", undefined],
    ["POST", "0123456789".repeat(5_000)],
  ])("c. needs one reload and one retry when file and server have rotated: %s", async (_, body) => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const dropIn = open({ ca: fileCaSource(volume.caFile) });
    await ask(dropIn, `${server.origin}/version`);
    dropIn.events.length = 0;
    const successor = await next();
    await volume.write({ ca: successor.pem });
    await server.restart(await successor.issue());
    await server.resetStats();

    const echo = JSON.parse(await ask(dropIn, `${server.origin}/echo`, body)) as { body: string };
    expect(echo.body).toBe(body ?? "");
    expect((await server.stats()).requests).toBe(1);
    expect(types(dropIn.events)).toEqual([
      "ca-reloaded",
      "generation-opened",
      "generation-retired",
      "retry",
    ]);
    expect(dropIn.events.at(-1)).toMatchObject({
      reason: "untrusted-server",
      method: "CONNECT",
      path: `127.0.0.1:${server.port}`,
    });
  });

  test("c. reads once or twice for 50 requests that are refused together", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const dropIn = open({ ca: fileCaSource(volume.caFile) });
    await ask(dropIn, `${server.origin}/version`);
    dropIn.events.length = 0;
    const successor = await next();
    await volume.write({ ca: successor.pem });
    await server.restart(await successor.issue());
    await server.resetStats();
    const sent = Array.from({ length: 50 }, () => ask(dropIn, `${server.origin}/echo`, "x"));
    await Promise.all(sent);
    expect((await server.stats()).requests).toBe(50);
    const reloads = types(dropIn.events).filter((type) => type.startsWith("ca-"));
    expect(reloads[0]).toBe("ca-reloaded");
    expect(reloads.length).toBeLessThanOrEqual(2);
    expect(types(dropIn.events).filter((type) => type === "generation-opened")).toHaveLength(1);
  });

  test("d. fails until the file changes, and the first request after succeeds", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile, { cooldownMs: 50 });
    const dropIn = open({ ca: source });
    await ask(dropIn, `${server.origin}/version`);
    const successor = await next();
    await server.restart(await successor.issue());
    await until("its old connections are gone", async () => (await server.stats()).open === 0);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const error = await refusal(ask(dropIn, `${server.origin}/version`));
      expect(error).toBeInstanceOf(UntrustedServerError);
      expect(error).toMatchObject({
        server: `127.0.0.1:${server.port}`,
        caSource: `file ${volume.caFile}`,
        fingerprint: (await source.current()).fingerprint,
      });
    }
    // One read for each of them at the most.
    const unchanged = types(dropIn.events).filter((type) => type === "ca-unchanged");
    expect(unchanged).toHaveLength(5);
    await volume.write({ ca: successor.pem });
    expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
  });

  test("f. refuses a removed anchor, and offers it no session", async () => {
    const { ca, server } = await startCluster({}, await next());
    const successor = await next();
    const volume = await createVolume({ ca: ca.pem });
    const dropIn = open({ ca: fileCaSource(volume.caFile, { reloadIntervalMs: 0 }) });
    // Within the generation there is a session, which is resumed.
    await until("a session has been resumed", async () => {
      await ask(dropIn, `${server.origin}/version`);
      await server.dropConnections();
      await until("it is gone", async () => (await server.stats()).open === 0);
      return (await server.stats()).resumed > 0;
    });
    const { requests, resumed } = await server.stats();

    // The server goes on as it was, and would resume.
    await volume.write({ ca: successor.pem });
    const error = await refusal(ask(dropIn, `${server.origin}/version`));
    expect(error).toBeInstanceOf(UntrustedServerError);
    expect(await server.stats()).toMatchObject({ requests, resumed });
    await volume.write({ ca: ca.pem });
    expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
  });

  test("f. closes idle connections at once, and lets a response in flight end", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile);
    const dropIn = open({ ca: source });
    const held = await dropIn.send(`${server.origin}/held-body?key=across`);
    await server.held("across");
    await Promise.all([1, 2, 3].map(() => ask(dropIn, `${server.origin}/version`)));
    await volume.write({ ca: (await next()).pem });
    await source.reload(); // No request is needed.
    await until("all but one are closed", async () => (await server.stats()).open === 1, 1_000);
    expect(dropIn.status().generations).toMatchObject([{ retired: true }, { retired: false }]);
    await server.release("across");
    expect(await held.text()).toBe("first\nsecond\n");
    await until("the last is closed", async () => (await server.stats()).open === 0);
    expect(dropIn.status().generations).toMatchObject([{ generation: 2, retired: false }]);
  });

  test("g. keeps its trust, and its connection, when the same anchors come otherwise", async () => {
    const { ca, server } = await startCluster({}, await next());
    const other = await next();
    const volume = await createVolume({ ca: ca.pem + other.pem });
    const dropIn = open({ ca: fileCaSource(volume.caFile, { reloadIntervalMs: 0 }) });
    await ask(dropIn, `${server.origin}/version`);
    await volume.write({ ca: `# again\n${other.pem}${ca.pem}${ca.pem}` });
    await ask(dropIn, `${server.origin}/version`);
    expect(dropIn.status().generations).toMatchObject([{ generation: 1 }]);
    expect(await server.stats()).toMatchObject({ connections: pools ? 1 : 2, requests: 2 });
    await volume.write({ ca: ca.pem });
    await ask(dropIn, `${server.origin}/version`);
    expect(dropIn.status().generations.at(-1)).toMatchObject({ generation: 2 });
    expect(await server.stats()).toMatchObject({ connections: pools ? 2 : 3, requests: 3 });
  });
});

describe.each(dropIns)("$name", ({ open, pools }) => {
  test("e. goes on with the good bundle when the file is bad, and reports it", async () => {
    const { ca, server } = await startCluster();
    const volume = await createVolume({});
    const file = `${volume.root}/plain.crt`;
    await writeFile(file, ca.pem);
    const dropIn = open({ ca: fileCaSource(file, { reloadIntervalMs: 0 }) });
    await ask(dropIn, `${server.origin}/version`);
    for (const spoil of [
      async () => await writeFile(file, ""),
      async () => await writeFile(file, "no PEM"),
      async () => {
        await writeFile(file, ca.pem);
        await truncateMidBlock(file);
      },
    ]) {
      await spoil();
      await server.dropConnections();
      await until("it is noticed", async () => (await server.stats()).open === 0);
      expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
    }
    expect(types(dropIn.events)).toContain("reload-failed");
    expect(dropIn.status().ca?.lastError).toContain(file);
  });

  test("e. fails by the caller's error when nothing was loaded before", async () => {
    const { server } = await startCluster();
    const volume = await createVolume({ ca: "no PEM" });
    const dropIn = open({ ca: fileCaSource(volume.caFile) });
    expect(await refusal(ask(dropIn, `${server.origin}/version`))).toBeInstanceOf(SourceError);
    expect((await server.stats()).connections).toBe(0);
  });

  test("makes one handshake for 50 requests one after another, where it pools", async () => {
    const { ca, server } = await startCluster();
    const dropIn = open({ ca: staticCaSource(ca.pem) });
    for (let number = 0; number < 50; number += 1) {
      await ask(dropIn, `${server.origin}/version`);
    }
    const connections = pools ? 1 : 50;
    expect(await server.stats()).toMatchObject({
      connections,
      handshakes: connections,
      requests: 50,
    });
  });

  test("gives a connection that has gone silent up with its request, and none gets it again", async () => {
    const { ca, server } = await startCluster();
    const dropIn = open({ ca: staticCaSource(ca.pem) });
    await ask(dropIn, `${server.origin}/version`);
    const signal = AbortSignal.timeout(100);
    await refusal(dropIn.send(`${server.origin}/held-headers?key=silent`, undefined, signal));
    await ask(dropIn, `${server.origin}/version`);
    const used = (await server.requests()).map(({ connection }) => connection);
    expect(used).toEqual(pools ? [1, 1, 2] : [1, 2, 3]);
  });

  test("comes back to one generation and at most one connection after 100 rotations", async () => {
    const { ca, server } = await startCluster();
    const others = await Promise.all(
      Array.from({ length: 5 }, async (_, number) => {
        return (await createCa({ commonName: `kubernetes ${number}` })).pem;
      }),
    );
    let bundle = ca.pem;
    const dropIn = open({ ca: functionCaSource(() => bundle, { reloadIntervalMs: 0 }) });
    for (let rotation = 0; rotation < 100; rotation += 1) {
      bundle = ca.pem + (others[rotation % others.length] ?? "");
      await ask(dropIn, `${server.origin}/version`);
    }
    await until("one generation is left", () => dropIn.status().generations.length === 1);
    expect(dropIn.status().generations).toMatchObject([{ generation: 100, retired: false }]);
    await until("at most one is open", async () => (await server.stats()).open <= 1);
  });

  test("shows its client certificate, and the new one after a rotation", async () => {
    const clients = await createCa({ commonName: "clients" });
    const { ca, server } = await startCluster({ clientCa: clients.pem });
    let pair = await clients.issue({ client: true, commonName: "alice" });
    const dropIn = open({
      ca: staticCaSource(ca.pem),
      clientCert: functionClientCertSource(() => ({ certificate: pair.cert, key: pair.key }), {
        reloadIntervalMs: 0,
      }),
    });
    expect(await ask(dropIn, `${server.origin}/echo`)).toContain('"clientCommonName":"alice"');
    pair = await clients.issue({ client: true, commonName: "bob" });
    expect(await ask(dropIn, `${server.origin}/echo`)).toContain('"clientCommonName":"bob"');
  });

  test("refuses a wrong host without a reload, and goes by serverName", async () => {
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts: ["api.internal"] }), ca);
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile);
    const dropIn = open({ ca: source });
    expect(await refusal(ask(dropIn, `${server.origin}/version`))).toMatchObject({
      reason: "wrong-host",
    });
    expect(types(dropIn.events)).toEqual(["generation-opened"]);
    const named = open({ ca: source, serverName: "api.internal" });
    expect(await ask(named, `${server.origin}/version`)).toContain("gitVersion");
  });

  test("reaches an IPv6 address that the certificate names", async () => {
    const { ca, server } = await startCluster({ host: "::1" });
    const dropIn = open({ ca: staticCaSource(ca.pem) });
    expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
  });

  test("leaves a server that is not there to Node's own error", async () => {
    const { ca, server } = await startCluster();
    await server.stop();
    const dropIn = open({ ca: staticCaSource(ca.pem) });
    let error = await rejection(ask(dropIn, `${server.origin}/version`));
    while (error instanceof Error && !("code" in error) && error.cause) error = error.cause;
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("drainTimeoutMs ends what a replaced trust still carries", async () => {
    const { ca, server } = await startCluster();
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile);
    const dropIn = open({ ca: source, drainTimeoutMs: 100 });
    const held = await dropIn.send(`${server.origin}/held-body?key=drained`);
    await server.held("drained");
    await volume.write({ ca: ca.pem + (await createCa()).pem });
    await source.reload();
    await rejection(held.text());
    expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
  });

  test("closing it ends idle connections, bodies and handshakes, and lets nothing begin", async () => {
    const { ca, server } = await startCluster();
    const dropIn = open({ ca: staticCaSource(ca.pem) });
    await Promise.all([1, 2, 3].map(() => ask(dropIn, `${server.origin}/version`)));
    const held = await dropIn.send(`${server.origin}/held-body?key=closed`);
    await server.held("closed");
    const ended = rejection(held.text());
    await server.swap({ handshakeDelayMs: 2_000 });
    const { connections } = await server.stats();
    const connecting = Promise.all(
      [1, 2, 3, 4].map(() => rejection(dropIn.send(`${server.origin}/held-headers?key=never`))),
    );
    await until("one connects", async () => (await server.stats()).connections > connections);
    let told = false;
    void connecting.then(() => (told = true));
    await dropIn.close();
    await ended;
    await until("those that connect are told", () => told, 1_000);
    await until("no connection is left", async () => (await server.stats()).open === 0);
    await rejection(ask(dropIn, `${server.origin}/version`));
    expect(dropIn.status().generations).toEqual([]);
  });

  test("refuses an option that there is none of", () => {
    expect(() => open({ caFile: "/etc/ca.crt" } as never)).toThrow(
      /^Cannot use option caFile of create\w+: there is none of that name/,
    );
    expect(() => open({ connectTimeoutMs: 0 })).toThrow(RangeError);
  });
});

test("a server that says nothing is given up after connectTimeoutMs", async () => {
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

test("what compose() makes of a dispatcher keeps the contract, and closes it", async () => {
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

test("maxSockets of an https agent counts connections that are still to come", async () => {
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

test("an https agent gives a connection of a removed anchor to no request that waits for a place", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
  const agent = createHttpsAgent({ ca: source, pool: { maxSockets: 1 } });
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

test("an agent and a source refuse a connection that would have a trust of its own", async () => {
  const { ca, server } = await startCluster();
  const agent = createHttpsAgent({ ca: staticCaSource(ca.pem) });
  onTestFinished(() => agent.destroy());
  for (const own of [
    { ca: ca.pem },
    { rejectUnauthorized: false },
    { maxVersion: "TLSv1.2" },
  ] as const) {
    expect(() => createHttpsAgent({ pool: own as never })).toThrow(ConfigError);
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

test("a secure context source serves a program that connects by itself", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = createSecureContextSource({ ca: fileCaSource(volume.caFile) });
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

test.each(["http", "socks5"] as const)("every drop-in goes through a %s proxy", async (scheme) => {
  const { ca, server } = await startCluster();
  const proxy = await control.proxy({ scheme });
  for (const { open } of dropIns) {
    const dropIn = open({ ca: staticCaSource(ca.pem), proxy: proxy.url });
    expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
    await dropIn.close();
  }
  expect((await proxy.stats()).targets).toHaveLength(dropIns.length);
});
