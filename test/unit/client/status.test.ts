/**
 * The status of a client, which contains no secret.
 *
 * @module
 */

import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { bindConnect } from "../../../src/client/connect.ts";
import type { ReanchorEvent } from "../../../src/events.ts";
import { bindFunctionCaSource, staticCaSource } from "../../../src/sources/ca-source.ts";
import { bindFunctionTokenSource, staticTokenSource } from "../../../src/sources/token-source.ts";
import { anchorPem } from "../support/certificates.ts";
import { createFakeRuntime, failing, untilAborted } from "../support/fake-runtime.ts";
import { watch } from "../support/scripted-source.ts";

const server = "https://10.96.0.1";
const ca = staticCaSource(anchorPem());

describe("status()", () => {
  test("reports trust, identity and connections without I/O", async () => {
    const runtime = createFakeRuntime();
    let pem: string | Error = anchorPem();
    const bundle = bindFunctionCaSource(runtime)(() => {
      if (pem instanceof Error) throw pem;
      return pem;
    });
    const token = staticTokenSource("sesame");
    const kube = await bindConnect(runtime)({
      config: { server, ca: bundle, token, namespace: "here" },
    });
    await kube.get("/version");
    pem = new Error("no vault");
    await runtime.clock.advance(60_000);
    await kube.get("/version");
    const { fingerprint, anchors } = await bundle.current();
    expect(kube.status()).toEqual({
      server: "https://10.96.0.1/",
      namespace: "here",
      closed: false,
      healthy: true,
      lastSuccessAt: Date.parse("2026-01-01T00:01:00Z"),
      lastFailure: undefined,
      ca: {
        kind: "ca",
        source: "function",
        loadedAt: Date.parse("2026-01-01T00:00:00Z"),
        checkedAt: Date.parse("2026-01-01T00:00:00Z"),
        ageMs: 60_000,
        failures: 1,
        lastError: "Cannot load CA bundle from function: no vault",
        stale: false,
        fingerprint,
        anchors,
      },
      token: token.status,
      clientCert: undefined,
      kubeconfig: undefined,
      insecure: false,
      waitingForTrust: [],
      generations: [
        {
          generation: 1,
          fingerprint,
          clientCertFingerprint: undefined,
          openedAt: Date.parse("2026-01-01T00:00:00Z"),
          retired: false,
        },
      ],
    });
  });

  test("omits what is not configured", async () => {
    const kube = await bindConnect(createFakeRuntime())({ config: { server } });
    expect(kube.status()).toMatchObject({ ca: undefined, token: undefined, generations: [] });
  });
});

test("no token shows in a client, its status, its errors or its events", async () => {
  const runtime = createFakeRuntime();
  let secret = "sesame-1";
  const token = bindFunctionTokenSource(runtime)(() => secret, { reloadIntervalMs: 1_000 });
  const events: ReanchorEvent[] = [];
  const config = { server, ca, token };
  const kube = await bindConnect(runtime)({ config, onEvent: (event) => events.push(event) });
  const shown: unknown[] = [kube, config, events];
  await kube.get("/version");
  shown.push(kube.status());

  secret = "sesame\n3";
  await runtime.clock.advance(1_000);
  await kube.get("/version");
  shown.push(kube.status());
  const failures = ["unknown-authority", "lost", "other"] as const;
  for (const answer of [...failures.map(failing), () => new Response("no", { status: 403 })]) {
    runtime.answer = answer;
    await kube.post("/x", {}).catch((error: unknown) => shown.push(error));
  }
  runtime.answer = untilAborted;
  const late = watch(kube.get("/x"));
  await vi.waitUntil(() => runtime.exchanges.length >= 7);
  await runtime.clock.advance(90_000);
  await vi.waitUntil(() => late.settled);
  shown.push(late.error);
  await kube.close();
  await kube.get("/x").catch((error: unknown) => shown.push(error));

  expect(shown.length).toBe(11);
  for (const value of shown) {
    expect(inspect(value, { depth: 12, showHidden: true })).not.toContain("sesame");
    expect(JSON.stringify(value)).not.toContain("sesame");
    expect(String(value)).not.toContain("sesame");
    if (value instanceof Error) expect(value.stack).not.toContain("sesame");
  }
});
