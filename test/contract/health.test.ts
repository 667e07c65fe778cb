/**
 * The health that a client reports while the cluster rejects it, and afterwards.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ConnectOptions, KubeClient } from "../../src/index.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { connectClient, createVolume, rejection, startCluster } from "./support/scene.ts";

/** The condition for readiness that the documentation recommends. */
function isReady(kube: KubeClient): boolean {
  const { healthy, lastSuccessAt } = kube.status();
  return healthy && lastSuccessAt !== undefined;
}

/** A client that uses files, for a server that requires a token. */
async function connectByFiles(options: Partial<ConnectOptions> = {}) {
  const { ca, server } = await startCluster({ token: "first" });
  const volume = await createVolume({ ca: ca.pem, token: "first" });
  const config = {
    server: server.origin,
    ca: entry.fileCaSource(volume.caFile),
    token: entry.fileTokenSource(volume.tokenFile),
  };
  const { kube } = await connectClient({ config, ...options });
  expect(isReady(kube)).toBe(false);
  const from = Date.now();
  await kube.get("/version");
  expect(isReady(kube)).toBe(true);
  expect(kube.status().lastSuccessAt).toBeGreaterThanOrEqual(from);
  return { kube, server, volume };
}

describe("status() is not healthy", () => {
  test("while the server's CA has rotated and the file has not, and is healthy again afterwards", async () => {
    const { kube, server, volume } = await connectByFiles({ trustWaitMs: 100 });
    const next = await createCa();
    await server.restart({ ...(await next.issue()), token: "first" });
    const error = await rejection(kube.get("/version"));
    expect(error).toMatchObject({ code: "ERR_REANCHOR_UNTRUSTED_SERVER" });
    expect(kube.status()).toMatchObject({
      healthy: false,
      lastFailure: { code: "ERR_REANCHOR_UNTRUSTED_SERVER", reason: "unknown-authority" },
    });
    expect(kube.status().ca).toMatchObject({ stale: false, failures: 0 });
    await volume.write({ ca: next.pem });
    await kube.get("/version");
    expect(isReady(kube)).toBe(true);
  });

  test("while the server rejects the token of the file, and is healthy again afterwards", async () => {
    const { kube, server, volume } = await connectByFiles();
    await server.swap({ token: "second" });
    expect(await rejection(kube.get("/version"))).toMatchObject({ status: 401 });
    expect(kube.status()).toMatchObject({
      healthy: false,
      lastFailure: { code: "ERR_REANCHOR_API", reason: "Unauthorized" },
    });
    expect(kube.status().token).toMatchObject({ stale: false, failures: 0 });
    await volume.write({ token: "second" });
    await kube.get("/version");
    expect(isReady(kube)).toBe(true);
  });

  test("once it is closed", async () => {
    const { kube } = await connectByFiles();
    await kube.close();
    expect(kube.status()).toMatchObject({ healthy: false, closed: true, lastFailure: undefined });
  });
});
