/**
 * The rotation contract on Node, for `createFetch()` and each drop-in, which share one engine. The clauses
 * are those of `test/contract`.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  SourceError,
  UntrustedServerError,
  fileCaSource,
  functionCaSource,
  functionClientCertSource,
  staticCaSource,
} from "../../runtimes/node.ts";
import { authorityKinds } from "../contract/support/authorities.ts";
import { createVolume, rejection, startCluster, types, until } from "../contract/support/scene.ts";
import type { TestServer } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { truncateMidBlock } from "../support/projected-volume.ts";
import { ask, rotating } from "./support/drop-ins.ts";

/** The error of reanchor's inside the one that a client throws. */
async function refusal(promise: Promise<unknown>): Promise<unknown> {
  let error = await rejection(promise);
  while (error instanceof Error && !("reason" in error) && error.cause) error = error.cause;
  return error;
}

const cases = rotating.flatMap((dropIn) =>
  authorityKinds.map(({ kind, next }) => ({ ...dropIn, kind, next })),
);

describe.each(cases)("$name, $kind", ({ open, pools, sendsRequests, next }) => {
  test("a. trusts only its bundle", async () => {
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
      // Before the end, everything reconnects to a server whose certificate is from the newest CA alone.
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
    const inAll = { reason: "untrusted-server", delayMs: 0 };
    expect(dropIn.events.at(-1)).toMatchObject(
      sendsRequests
        ? { ...inAll, method: body === undefined ? "GET" : "POST", path: "/echo" }
        : { ...inAll, method: "CONNECT", path: `127.0.0.1:${server.port}` },
    );
  });

  test("c. reads once or twice for 50 requests that are rejected together", async () => {
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

  test("d. fails until the file changes, and then the first request succeeds", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile, { cooldownMs: 50 });
    const dropIn = open({ ca: source, trustWaitMs: 0 });
    await ask(dropIn, `${server.origin}/version`);
    const successor = await next();
    await server.restart(await successor.issue());
    await until("its old connections are gone", async () => (await server.stats()).open === 0);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const error = await refusal(ask(dropIn, `${server.origin}/version`));
      expect(error).toBeInstanceOf(UntrustedServerError);
      expect(error).toMatchObject({
        server: sendsRequests ? server.origin : `127.0.0.1:${server.port}`,
        caSource: `file ${volume.caFile}`,
        fingerprint: (await source.current()).fingerprint,
      });
    }
    // At most one read for each of them.
    const unchanged = types(dropIn.events).filter((type) => type === "ca-unchanged");
    expect(unchanged).toHaveLength(5);
    await volume.write({ ca: successor.pem });
    expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
  });

  test("f. rejects a removed anchor, and offers its server no session", async () => {
    const { ca, server } = await startCluster({}, await next());
    const successor = await next();
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
    const dropIn = open({ ca: source, trustWaitMs: 0 });
    // Within the generation there is a session, which is resumed.
    await until("a session has been resumed", async () => {
      await ask(dropIn, `${server.origin}/version`);
      await server.dropConnections();
      await until("it is gone", async () => (await server.stats()).open === 0);
      return (await server.stats()).resumed > 0;
    });
    const { requests, resumed } = await server.stats();

    // The server has not changed, and would resume.
    await volume.write({ ca: successor.pem });
    const error = await refusal(ask(dropIn, `${server.origin}/version`));
    expect(error).toBeInstanceOf(UntrustedServerError);
    expect(await server.stats()).toMatchObject({ requests, resumed });
    await volume.write({ ca: ca.pem });
    expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
  });

  test("f. closes idle connections at once, and completes a response in flight", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile);
    const dropIn = open({ ca: source });
    const held = await dropIn.send(`${server.origin}/held-body?key=across`);
    await server.held("across");
    await Promise.all([1, 2, 3].map(() => ask(dropIn, `${server.origin}/version`)));
    await volume.write({ ca: (await next()).pem });
    await source.reload(); // This needs no request.
    await until("all but one are closed", async () => (await server.stats()).open === 1, 3_000);
    expect(dropIn.status().generations).toMatchObject([{ retired: true }, { retired: false }]);
    await server.release("across");
    expect(await held.text()).toBe("first\nsecond\n");
    await until("the last is closed", async () => (await server.stats()).open === 0);
    expect(dropIn.status().generations).toMatchObject([{ generation: 2, retired: false }]);
  });

  test("o. fails no request of 16 loops when the file follows the server later", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile, { cooldownMs: 50 });
    const dropIn = open({ ca: source, trustWaitMs: 60_000 });
    await ask(dropIn, `${server.origin}/version`);
    const successor = await next();
    await server.restart(await successor.issue());
    await until("its old connections are gone", async () => (await server.stats()).open === 0);
    await server.resetStats();
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
    const waiting = () => dropIn.status().waitingForTrust;
    await until("all of them wait", () => waiting()[0]?.requests === 16);
    expect(waiting()).toMatchObject([
      { server: sendsRequests ? server.origin : `127.0.0.1:${server.port}` },
    ]);
    await until("it is probed", async () => (await server.stats()).connections > 17);
    expect(done).toBe(0);
    expect((await server.stats()).requests).toBe(0);
    await volume.write({ ca: successor.pem });
    await until("requests are done", () => done > 64);
    running = false;
    await Promise.all(loops);
    expect(failures).toEqual([]);
    expect((await server.stats()).requests).toBe(done);
    const waits = dropIn.events.filter(({ type }) => type.endsWith("-for-trust"));
    expect(waits).toMatchObject([
      { type: "waiting-for-trust", reason: expect.any(String), limitMs: 60_000 },
      { type: "waited-for-trust", trusted: true },
    ]);
    expect(waiting()).toEqual([]);
  });

  test("g. keeps its trust and its connection when the same anchors come in another form", async () => {
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

describe.each(rotating)("$name", ({ open, pools, endsAttempts, sendsRequests }) => {
  test("e. continues with the good bundle when the file is bad, and reports it", async () => {
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

  test("e. throws to the caller when nothing was loaded before", async () => {
    const { server } = await startCluster();
    const volume = await createVolume({ ca: "no PEM" });
    const dropIn = open({ ca: fileCaSource(volume.caFile) });
    expect(await refusal(ask(dropIn, `${server.origin}/version`))).toBeInstanceOf(SourceError);
    expect((await server.stats()).connections).toBe(0);
  });

  test("makes one handshake for 50 sequential requests, if it keeps connections", async () => {
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

  describe("a wait for trust ends at once", () => {
    /** Sends what waits, since the server has rotated and the file has not. */
    async function startWaiting(signal?: AbortSignal) {
      const { ca, server } = await startCluster();
      const volume = await createVolume({ ca: ca.pem });
      const dropIn = open({ ca: fileCaSource(volume.caFile), trustWaitMs: 600_000 });
      await ask(dropIn, `${server.origin}/version`);
      await server.restart(await (await createCa()).issue());
      await until("its old connections are gone", async () => (await server.stats()).open === 0);
      await server.resetStats();
      const failure = rejection(dropIn.send(`${server.origin}/echo`, { body: "secret", signal }));
      const isWaiting = (): boolean => types(dropIn.events).includes("waiting-for-trust");
      await until("it waits", isWaiting);
      return { server, dropIn, failure };
    }

    test("by closing it", async () => {
      const { server, dropIn, failure } = await startWaiting();
      await dropIn.close();
      expect(await failure).toBeInstanceOf(Error);
      expect(dropIn.status().waitingForTrust).toEqual([]);
      const { connections } = await server.stats();
      await until("no connection is left", async () => (await server.stats()).open === 0);
      expect(await server.stats()).toMatchObject({ connections, requests: 0 });
    });

    test("by an abort", async () => {
      const aborting = new AbortController();
      const { server, dropIn, failure } = await startWaiting(aborting.signal);
      aborting.abort();
      expect(await failure).toBeInstanceOf(Error);
      // Of a request that it never heard of, its connection waits on.
      if (endsAttempts) await until("none waits", () => !dropIn.status().waitingForTrust.length);
      else expect(dropIn.status().waitingForTrust).toMatchObject([{ requests: 1 }]);
      expect((await server.stats()).requests).toBe(0);
    });
  });

  test("closes a silent connection together with its request, and never reuses it", async () => {
    const { ca, server } = await startCluster();
    const dropIn = open({ ca: staticCaSource(ca.pem) });
    await ask(dropIn, `${server.origin}/version`);
    const signal = AbortSignal.timeout(100);
    await refusal(dropIn.send(`${server.origin}/held-headers?key=silent`, { signal }));
    await ask(dropIn, `${server.origin}/version`);
    const used = (await server.requests()).map(({ connection }) => connection);
    expect(used).toEqual(pools ? [1, 1, 2] : [1, 2, 3]);
  });

  test("returns to one generation and at most one connection after 100 rotations", async () => {
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

  test("sends its client certificate, and the new one after a rotation", async () => {
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

  test("rejects a wrong host without a reload, and honours serverName", async () => {
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

  test("keeps Node's own error code when nothing listens", async () => {
    const { ca, server } = await startCluster();
    await server.stop();
    const dropIn = open({ ca: staticCaSource(ca.pem) });
    let error = await rejection(ask(dropIn, `${server.origin}/version`));
    while (error instanceof Error && error.cause) error = error.cause;
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("drainTimeoutMs ends the requests of a replaced generation", async () => {
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

  test("close() ends idle connections, bodies and handshakes, and allows no new ones", async () => {
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
    await until("those that connect are told", () => told, 1_500);
    await until("no connection is left", async () => (await server.stats()).open === 0);
    await rejection(ask(dropIn, `${server.origin}/version`));
    expect(dropIn.status().generations).toEqual([]);
  });

  test("rejects an unknown option", () => {
    expect(() => open({ caFile: "/etc/ca.crt" } as never)).toThrow(
      /^Cannot use option caFile of create\w+: it does not exist/,
    );
    expect(() => open({ connectTimeoutMs: 0 })).toThrow(RangeError);
  });

  test("tries each newer bundle, and succeeds with the right one after three wrong ones", async () => {
    const { ca, server } = await startCluster();
    const wrong = await Promise.all([1, 2, 3, 4].map(async () => (await createCa()).pem));
    const bundles = [...wrong, ca.pem];
    const source = functionCaSource(() => bundles.shift() ?? ca.pem, { cooldownMs: 1 });
    const dropIn = open({ ca: source });
    expect(await ask(dropIn, `${server.origin}/version`)).toContain("gitVersion");
    expect(bundles).toEqual([]);
    expect((await server.stats()).requests).toBe(1);
  });

  test("gives up after six newer bundles", async () => {
    const { server } = await startCluster();
    const strangers = await Promise.all([1, 2, 3].map(async () => (await createCa()).pem));
    let reads = 0;
    const read = (): string => strangers[(reads += 1) % strangers.length] ?? "";
    const dropIn = open({ ca: functionCaSource(read, { cooldownMs: 1 }) });
    expect(await refusal(ask(dropIn, `${server.origin}/version`))).toBeInstanceOf(
      UntrustedServerError,
    );
    expect(reads).toBe(7);
    expect((await server.stats()).connections).toBe(7);
    const retries = dropIn.events.filter(({ type }) => type === "retry");
    expect(retries).toHaveLength(6);
  });

  /** Holds a handshake back until something has happened meanwhile. */
  async function duringHandshake(
    server: TestServer,
    send: () => Promise<unknown>,
    act: () => Promise<unknown>,
  ): Promise<unknown> {
    await server.swap({ handshakeGate: "late" });
    const outcome = send();
    await server.held("late");
    await act();
    await server.swap({ handshakeGate: null });
    await server.release("late");
    return await outcome;
  }

  test("tries the anchor groups of a newer generation that was created for another reason", async () => {
    const settings = { keyIdentifiers: false };
    const clients = await createCa({ commonName: "clients" });
    const [first, second] = [await createCa(settings), await createCa(settings)];
    const { server } = await startCluster(
      { ...(await second.issue()), clientCa: clients.pem },
      second,
    );
    let pair = await clients.issue({ client: true, commonName: "alice" });
    const clientCert = functionClientCertSource(() => ({ certificate: pair.cert, key: pair.key }));
    const dropIn = open({ ca: staticCaSource(first.pem + second.pem), clientCert });
    const send = () => ask(dropIn, `${server.origin}/echo`);
    const answer = await duringHandshake(server, send, async () => {
      pair = await clients.issue({ client: true, commonName: "bob" });
      await clientCert.reload();
    });
    expect(answer).toContain('"clientCommonName":"bob"');
  });

  test("reports an untrusted server in the same way", async () => {
    const { ca, server } = await startCluster();
    const stranger = await createCa({ commonName: "stranger" });
    const source = staticCaSource(stranger.pem);
    const name = sendsRequests ? server.origin : `127.0.0.1:${server.port}`;
    const { anchors } = await source.current();
    const anchor = `CN=stranger sha256:${anchors[0]?.fingerprint.slice(0, 16)}`;
    const error = await refusal(ask(open({ ca: source }), `${server.origin}/version`));
    expect(String(error).replace(/read \d+ ms/, "read 0 ms")).toBe(
      `UntrustedServerError: Cannot trust ${name} (unknown-authority): the anchors were ${anchor} from memory, read 0 ms ago; check that this is where the CA arrives that signs the server's certificate now`,
    );
    const named = open({ ca: staticCaSource(ca.pem), serverName: "other.example" });
    expect(String(await refusal(ask(named, `${server.origin}/version`)))).toContain(
      "its certificate is valid for other names than other.example; connect by a name that it carries",
    );
    const spoilt = functionCaSource(() => bundles.shift() ?? "no PEM", { cooldownMs: 1 });
    const bundles = [stranger.pem];
    expect(String(await refusal(ask(open({ ca: spoilt }), `${server.origin}/version`)))).toContain(
      ", last reload failed: Cannot load CA bundle from function",
    );
    const byDefault = await refusal(ask(open({}), `${server.origin}/version`));
    expect(String(byDefault)).toContain("the runtime's default store was used");
  });

  test("sends a name as SNI, but never an address", async () => {
    const ca = await createCa();
    const { server } = await startCluster(
      await ca.issue({ hosts: ["127.0.0.1", "api.internal"] }),
      ca,
    );
    const source = staticCaSource(ca.pem);
    const sni = async (serverName?: string): Promise<string> =>
      /"sni":(null|"[^"]*")/.exec(
        await ask(open({ ca: source, serverName }), `${server.origin}/echo`),
      )?.[1] ?? "";
    expect(await sni()).toBe("null");
    expect(await sni("127.0.0.1")).toBe("null");
    expect(await sni("api.internal")).toBe('"api.internal"');
  });

  test("sends nothing on a handshake that ends after its anchor was removed", async () => {
    const { ca, server } = await startCluster();
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile);
    const dropIn = open({ ca: source });
    const send = () => refusal(ask(dropIn, `${server.origin}/echo`, "secret"));
    const outcome = await duringHandshake(server, send, async () => {
      await volume.write({ ca: (await createCa()).pem });
      await source.reload();
    });
    expect(outcome).toBeInstanceOf(UntrustedServerError);
    expect((await server.stats()).requests).toBe(0);
  });

  test("sends with the new generation when its trust was extended during the handshake", async () => {
    const { ca, server } = await startCluster();
    const volume = await createVolume({ ca: ca.pem });
    const source = fileCaSource(volume.caFile);
    const dropIn = open({ ca: source });
    const send = () => ask(dropIn, `${server.origin}/echo`, "payload");
    const answer = await duringHandshake(server, send, async () => {
      await volume.write({ ca: ca.pem + (await createCa()).pem });
      await source.reload();
    });
    expect(answer).toContain("payload");
    const { requests, connections } = await server.stats();
    expect(requests).toBe(1);
    // A dispatcher had queued it in the old generation's pool, and sends it through a pool of the new one.
    expect(connections).toBeLessThanOrEqual(3);
    await until("the old generation is gone", () => dropIn.status().generations.length === 1);
    expect(dropIn.status().generations).toMatchObject([{ generation: 2, retired: false }]);
  });

  test("reloads a file that has aged during a handshake", async () => {
    const { ca, server } = await startCluster();
    const volume = await createVolume({ ca: ca.pem });
    const dropIn = open({ ca: fileCaSource(volume.caFile, { reloadIntervalMs: 0 }) });
    const send = () => refusal(ask(dropIn, `${server.origin}/echo`, "secret"));
    const outcome = await duringHandshake(server, send, async () => {
      await volume.write({ ca: (await createCa()).pem });
    });
    expect(outcome).toBeInstanceOf(UntrustedServerError);
    expect((await server.stats()).requests).toBe(0);
  });
});
