/**
 * A hundred rotations of a server's certificate and client CA under load fail no handshake.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { describe, expect } from "vitest";
import { bindFunctionCaSource } from "../../src/sources/ca-source.ts";
import { bindFunctionServerCertSource } from "../../src/sources/server-cert-source.ts";
import { systemClock } from "../../src/runtime.ts";
import { nodeFiles } from "../../runtimes/_shared/node-files.ts";
import { checkCertificate } from "../../runtimes/_shared/openssl-anchors.ts";
import { type IssuedCertificate, type TestCa, createCa } from "../support/pki.ts";
import { ask, serverKinds, serverTest, startRotating } from "./support/rotating-servers.ts";
import { until } from "./support/scene.ts";

const ROTATIONS = 100;
const LOOPS = 8;

const host = {
  clock: systemClock,
  files: nodeFiles,
  checkCertificate,
  capabilities: { sharedReads: true },
};

describe.each(serverKinds)("%s", (kind) => {
  serverTest("100 rotations under load fail no handshake, and leave nothing behind", async () => {
    const issuer = await createCa({ commonName: "servers" });
    let pair = await issuer.issue({ commonName: "server-0" });
    let clients = await createCa({ commonName: "clients" });
    let client: IssuedCertificate = await clients.issue({ client: true });
    let bundle = clients.pem;
    const options = { reloadIntervalMs: 0 };
    const scene = await startRotating({
      kind,
      cert: bindFunctionServerCertSource(host)(
        () => ({ certificate: pair.cert, key: pair.key }),
        options,
      ),
      clientCa: bindFunctionCaSource(host)(() => bundle, options),
    });
    let done = 0;
    let running = true;
    const failures: unknown[] = [];
    const names = new Set<string>();
    const loops = Array.from({ length: LOOPS }, async () => {
      while (running) {
        await ask(scene, client).then(
          ({ server }) => names.add(server),
          (error: unknown) => failures.push(error),
        );
        done++;
      }
    });
    async function answered(name: string): Promise<void> {
      // The handshakes that were in progress when it was called have ended by then.
      const goal = done + LOOPS + 1;
      const hasAnswered = () => done >= goal && names.has(name);
      await until(`${name} has answered`, () => hasAnswered() || failures.length > 0);
    }
    await answered("server-0");
    for (let rotation = 1; rotation <= ROTATIONS && failures.length === 0; rotation++) {
      const name = `server-${rotation}`;
      pair = await issuer.issue({ commonName: name });
      const isOfClients = rotation % 4 === 0;
      const next: TestCa = isOfClients ? await createCa({ commonName: "clients" }) : clients;
      if (isOfClients) bundle = clients.pem + next.pem;
      await answered(name);
      if (!isOfClients) continue;
      client = await next.issue({ client: true });
      await answered(name);
      bundle = next.pem;
      clients = next;
      await answered(name);
    }
    running = false;
    await Promise.all(loops);
    expect(failures).toEqual([]);
    expect(names.size).toBe(ROTATIONS + 1);
    await until("every connection is gone", () => {
      const { connections, draining, held } = scene.rotation.status();
      return connections + draining + held === 0;
    });
    expect(scene.rotation.status()).toMatchObject({
      healthy: true,
      cert: { subject: `CN=server-${ROTATIONS}`, fingerprint: fingerprintOf(pair) },
    });
  });
});

function fingerprintOf({ cert }: IssuedCertificate): string {
  const base64 = cert.replaceAll(/-----[^-]+-----|\s/g, "");
  return createHash("sha256").update(Buffer.from(base64, "base64")).digest("hex");
}
