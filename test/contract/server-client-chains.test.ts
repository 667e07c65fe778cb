/**
 * Which client certificates a server accepts: chains, dates and resumed sessions.
 *
 * @module
 */

import { type KeyObject, generateKeyPairSync } from "node:crypto";
import { describe, expect } from "vitest";
import { bindFunctionCaSource } from "../../src/sources/ca-source.ts";
import { bindFunctionServerCertSource } from "../../src/sources/server-cert-source.ts";
import { basicConstraints, makeCertificate } from "../support/chains/certificate.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { type IssuedCertificate, createCa } from "../support/pki.ts";
import {
  type RotatingScene,
  ask,
  askByNode,
  hostOf,
  openClient,
  serverTest,
  startRotating,
} from "./support/rotating-servers.ts";
import { rejection, until } from "./support/scene.ts";

const HOUR_MS = 3_600_000;

interface Scene extends RotatingScene {
  readonly clock: ManualClock;
  /** Replaces the bundle, and reloads it now. */
  trust(bundle: string): Promise<void>;
}

async function start(first: string): Promise<Scene> {
  const clock = new ManualClock(new Date());
  const pair = await (await createCa()).issue();
  let bundle = first;
  const clientCa = bindFunctionCaSource(hostOf(clock))(() => bundle);
  const cert = bindFunctionServerCertSource(hostOf(clock))(() => ({
    certificate: pair.cert,
    key: pair.key,
  }));
  const scene = await startRotating({ kind: "tls", clientCa, cert, clock });
  return {
    ...scene,
    clock,
    async trust(next) {
      bundle = next;
      await clock.advance(1_000);
      await clientCa.reload();
    },
  };
}

interface Chain {
  readonly root: string;
  readonly intermediate: string;
  /** The leaf, followed by the intermediate. */
  readonly client: IssuedCertificate;
}

/** A client's certificate, signed by an intermediate that may not be allowed to sign. */
function makeChain(isAuthority = true): Chain {
  const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const [rootKey, intermediateKey, leafKey] = [newKey(), newKey(), newKey()];
  const dates = {
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + 24 * HOUR_MS),
  };
  const root = makeCertificate({
    ...dates,
    subject: "root",
    issuer: "root",
    publicKey: rootKey,
    signer: rootKey,
    extensions: [basicConstraints(true)],
  });
  const intermediate = makeCertificate({
    ...dates,
    subject: "intermediate",
    issuer: "root",
    publicKey: intermediateKey,
    signer: rootKey,
    extensions: [basicConstraints(isAuthority)],
  });
  const leaf = makeCertificate({
    ...dates,
    subject: "alice",
    issuer: "intermediate",
    publicKey: leafKey,
    signer: intermediateKey,
    extensions: [basicConstraints(false)],
  });
  const key = leafKey.export({ format: "pem", type: "pkcs8" }) as string;
  return { root, intermediate, client: { cert: leaf + intermediate, key } };
}

describe("a client with an intermediate", () => {
  serverTest(
    "is trusted by the root or by the intermediate alone, until they are gone",
    async () => {
      const { root, intermediate, client } = makeChain();
      const other = await createCa();
      const scene = await start(root + other.pem);
      expect(await ask(scene, client)).toMatchObject({ client: "alice", authorized: true });
      const open = await openClient(scene, client);
      await open.ask();
      const { issuerCertificate } = scene.sockets.at(-1)?.getPeerCertificate(true) ?? {};
      const draining = (): number => scene.rotation.status().draining;
      // Another CA is removed. Nothing changes for this client, unless Node does not report the client's
      // chain.
      await scene.trust(root);
      expect(draining()).toBe(issuerCertificate === undefined ? 1 : 0);
      await scene.trust(intermediate);
      expect(draining()).toBe(issuerCertificate === undefined ? 1 : 0);
      expect(await ask(scene, client)).toMatchObject({ client: "alice", authorized: true });
      await scene.trust(other.pem);
      await rejection(ask(scene, client));
      await scene.clock.advance(30_000);
      await until("the open connection is closed", () => open.closed);
    },
  );

  serverTest("is not trusted if the intermediate is no authority", async () => {
    const { root, client } = makeChain(false);
    const scene = await start(root);
    await rejection(ask(scene, client));
    expect(scene.sockets).toEqual([]);
  });
});

serverTest("an anchor that has expired, or is not valid yet, vouches for nobody", async () => {
  const now = Date.now();
  const dates = [
    { notBefore: new Date(now - 2 * HOUR_MS), notAfter: new Date(now - HOUR_MS) },
    { notBefore: new Date(now + HOUR_MS), notAfter: new Date(now + 2 * HOUR_MS) },
  ];
  for (const validity of dates) {
    const ca = await createCa(validity);
    const client = await ca.issue({ client: true });
    const alone = await start(ca.pem);
    await rejection(ask(alone, client));
    const other = await createCa({ commonName: "other" });
    const beside = await start(ca.pem + other.pem);
    await rejection(ask(beside, client));
    expect(await ask(beside, await other.issue({ client: true }))).toMatchObject({
      authorized: true,
    });
    expect(alone.sockets).toEqual([]);
  }
});

describe.each(["TLSv1.2", "TLSv1.3"] as const)("%s", (version) => {
  serverTest("a session is not resumed once the client's certificate has expired", async () => {
    const ca = await createCa();
    const client = await ca.issue({
      client: true,
      commonName: "alice",
      notAfter: new Date(Date.now() + HOUR_MS),
    });
    const scene = await start(ca.pem);
    scene.server.on("secureConnection", (socket) => void socket.end());
    const { session } = await askByNode(scene.port, version, client);
    expect((await askByNode(scene.port, version, { ...client, session })).received).toMatch(
      "alice",
    );
    expect(scene.isResumed()).toBe(true);
    await scene.clock.advance(2 * HOUR_MS);
    expect((await askByNode(scene.port, version, { ...client, session })).received).toBe("");
  });
});
