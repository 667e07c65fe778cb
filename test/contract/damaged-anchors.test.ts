/**
 * Certificates that our own reader accepts but the runtime can't parse. They never get into a bundle, and an
 * unusable certificate that does get in leaves the others usable.
 *
 * @module
 */

import { expect, test } from "vitest";
import { derOf, encodePem, parseBundle } from "../../src/certificates/pem.ts";
import { createCa } from "../support/pki.ts";
import { authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import { connectClient, createVolume, rejection, startCluster, types } from "./support/scene.ts";

/** How many altered certificates are added to a good one. */
const SERVED = 60;

/** The options that select different verifiers. */
const settings = new Map(
  authorityKinds.map((kind) => [JSON.stringify(kind.settings), kind.settings]),
);

/** Copies of the certificate with one byte changed each, at random positions, that our own reader accepts. */
function* altered(pem: string): Generator<string> {
  const good = derOf(pem);
  const random = seeded(20_261_127);
  for (let round = 0; round < 4 * good.length; round++) {
    const der = Uint8Array.from(good);
    der[Math.floor(random() * der.length)] = Math.floor(random() * 256);
    const changed = encodePem("CERTIFICATE", der);
    if (changed !== pem && isReadable(changed)) yield changed;
  }
}

function isReadable(pem: string): boolean {
  try {
    parseBundle(pem);
    return true;
  } catch {
    return false;
  }
}

function isParsed(pem: string): boolean {
  try {
    entry.runtime.checkCertificate?.(pem);
    return true;
  } catch {
    return false;
  }
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test("a certificate that the runtime can't parse fails the reload with its position", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = entry.fileCaSource(volume.caFile);
  const { kube, events } = await connectClient({ config: { server: server.origin, ca: source } });
  await kube.get("/version");

  const damaged = [...altered(ca.pem)].find((pem) => !isParsed(pem));
  if (damaged === undefined) throw new Error("Cannot find a certificate that is not parsed");
  await volume.write({ ca: ca.pem + damaged });
  await source.reload();
  expect(String(source.status.lastError)).toMatch(
    /block 2 \(line \d+\) is malformed: this runtime can't parse the certificate/,
  );
  expect(types(events)).toContain("reload-failed");
  await server.dropConnections();
  expect(await kube.get("/version")).toHaveProperty("gitVersion");
});

test("a certificate of a static source that the runtime can't parse throws an error that names it", async () => {
  const { ca, server } = await startCluster();
  const damaged = [...altered(ca.pem)].find((pem) => !isParsed(pem)) ?? "";
  const source = entry.staticCaSource(ca.pem + damaged);
  const { kube } = await connectClient({ config: { server: server.origin, ca: source } });
  const error = await rejection(kube.get("/version"));
  expect(error).toBeInstanceOf(entry.SourceError);
  expect(String(error)).toContain("certificate 2 of 2 can't be parsed");
  expect((await server.stats()).connections).toBe(0);
});

test.each([...settings])(
  "no certificate that is parsed affects the ones beside it, with %s",
  async (_, trust) => {
    const ca = await createCa();
    const { server } = await startCluster({}, ca);
    let served = 0;
    for (const pem of altered(ca.pem)) {
      if (!isParsed(pem)) continue;
      // It comes first: there it would be mistaken for the next one.
      const { kube } = await connectClient({
        config: { server: server.origin, ca: entry.staticCaSource(pem + ca.pem) },
        ...trust,
      });
      expect(await kube.get("/version"), pem).toHaveProperty("gitVersion");
      await kube.close();
      served += 1;
      if (served === SERVED) break;
    }
    expect(served).toBe(SERVED);
  },
);
