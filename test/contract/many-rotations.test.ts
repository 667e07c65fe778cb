/**
 * Clause k: rotations leave nothing behind.
 *
 * @module
 */

import { expect, test } from "vitest";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { connectClient, startCluster, until } from "./support/scene.ts";

const ROTATIONS = 300;
/** Bun can't close idle connections, but it keeps few: 60 were measured, its pool has room for 64. */
const BUN_POOL = 64;

test(`fetch() comes back to one connection and one generation after ${ROTATIONS} rotations`, async () => {
  const { ca, server } = await startCluster();
  let bundle = ca.pem;
  const source = entry.functionCaSource(() => bundle, { reloadIntervalMs: 0 });
  const { kube, events } = await connectClient({ config: { server: server.origin, ca: source } });
  await kube.get("/version");

  for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
    bundle = ca.pem + (await createCa({ commonName: `kubernetes ${rotation}` })).pem;
    await kube.get("/version");
  }

  const opened = events.filter(({ type }) => type === "generation-opened");
  const retired = events.filter(({ type }) => type === "generation-retired");
  expect([opened.length, retired.length]).toEqual([ROTATIONS + 1, ROTATIONS]);
  expect((await server.stats()).handshakes).toBeGreaterThanOrEqual(ROTATIONS + 1);
  await until("one generation is left", () => kube.status().generations.length === 1);
  expect(kube.status().generations).toMatchObject([{ generation: ROTATIONS + 1, retired: false }]);
  const most = entry.runtime.capabilities.closesIdleConnections ? 1 : BUN_POOL;
  await until(`at most ${most} are open`, async () => (await server.stats()).open <= most);
});
