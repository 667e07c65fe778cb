/**
 * What a client says of its health while the cluster rejects it, and after.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ConnectOptions, KubeClient } from "../../src/index.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { connectClient, createVolume, rejection, startCluster } from "./support/scene.ts";

/** What readiness goes by, as the documentation says. */
function isReady(kube: KubeClient): boolean {
  const { healthy, lastSuccessAt } = kube.status();
  return healthy && lastSuccessAt !== undefined;
}

/** A client by files, at a server that asks for a token. */
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
  test("while the server's CA is rotated and the file is not, and is again afterwards", async () => {
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

  test("while the server knows no longer the token of the file, and is again afterwards", async () => {
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
