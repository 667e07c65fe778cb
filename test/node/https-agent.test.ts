/**
 * Behaviour of Node's own `https.Agent` that programs rely on, and that ours keeps: time limits, destroyed
 * requests, and the number of connections.
 *
 * @module
 */

import { once } from "node:events";
import type { ClientRequest } from "node:http";
import { type RequestOptions, request as httpsRequest } from "node:https";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type HttpsAgentOptions,
  type RotatingHttpsAgent,
  createHttpsAgent,
} from "../../runtimes/agents.ts";
import { fileCaSource, staticCaSource } from "../../runtimes/node.ts";
import { control, createVolume, startCluster, until } from "../contract/support/scene.ts";
import { createCa } from "../support/pki.ts";

function open(options: HttpsAgentOptions): RotatingHttpsAgent {
  const agent = createHttpsAgent(options);
  onTestFinished(() => agent.destroy());
  return agent;
}

/** Sends a request, and resolves to the response's status or the error. */
function send(
  agent: RotatingHttpsAgent,
  url: string,
  options: RequestOptions = {},
): { request: ClientRequest; outcome: Promise<unknown> } {
  const request = httpsRequest(url, { agent, ...options });
  const outcome = new Promise<unknown>((resolve) => {
    request.on("error", resolve);
    request.on("response", (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
  });
  request.end();
  return { request, outcome };
}

describe("a request that has no connection yet", () => {
  test.each([
    ["of its options", { timeout: 50 }, {}, undefined],
    ["of setTimeout()", {}, {}, 50],
    ["of the agent's pool", {}, { timeout: 50 }, undefined],
    ["that was raised", { timeout: 1 }, {}, 50],
  ] as const)("emits timeout after the time limit %s", async (_, options, pool, limitMs) => {
    const { origin } = await control.blackhole();
    const agent = open({ ca: staticCaSource((await createCa()).pem), pool });
    const { request, outcome } = send(agent, origin, options);
    if (limitMs !== undefined) request.setTimeout(limitMs);
    await once(request, "timeout");
    request.destroy(new Error("it took too long"));
    expect(await outcome).toMatchObject({ message: "it took too long" });
  });

  test("emits no timeout if its limit was removed", async () => {
    const { origin } = await control.blackhole();
    const agent = open({ ca: staticCaSource((await createCa()).pem), connectTimeoutMs: 200 });
    const { request, outcome } = send(agent, origin, { timeout: 1 });
    request.setTimeout(0);
    request.once("timeout", () => request.destroy(new Error("it took too long")));
    expect(await outcome).toMatchObject({ name: "ConnectionError" });
  });

  test("emits timeout while it waits for trust, and destroy() ends the wait", async () => {
    const { ca, server } = await startCluster();
    const volume = await createVolume({ ca: ca.pem });
    const agent = open({ ca: fileCaSource(volume.caFile), trustWaitMs: 60_000 });
    expect(await send(agent, `${server.origin}/version`).outcome).toBe(200);
    await server.restart(await (await createCa()).issue());
    await until("its connection is gone", () => Object.keys(agent.freeSockets).length === 0);
    const { request, outcome } = send(agent, `${server.origin}/version`, { timeout: 300 });
    await once(request, "timeout");
    request.destroy();
    expect(await outcome).toMatchObject({ message: "socket hang up", code: "ECONNRESET" });
    await until("nothing waits", () => agent.status().waitingForTrust.length === 0);
  });

  test("fails with the reason of its signal", async () => {
    const { origin } = await control.blackhole();
    const agent = open({ ca: staticCaSource((await createCa()).pem) });
    const { outcome } = send(agent, origin, { signal: AbortSignal.timeout(50) });
    expect(await outcome).toMatchObject({ name: "AbortError", code: "ABORT_ERR" });
  });
});

test("a time limit has no effect once there is a connection", async () => {
  const { ca, server } = await startCluster();
  const agent = open({ ca: staticCaSource(ca.pem) });
  let timeouts = 0;
  for (let round = 0; round < 2; round += 1) {
    const { request, outcome } = send(agent, `${server.origin}/held-headers?key=${round}`, {
      timeout: 30_000,
    });
    request.on("timeout", () => void (timeouts += 1));
    await server.held(String(round));
    request.setTimeout(0);
    await server.release(String(round));
    expect(await outcome).toBe(200);
  }
  expect(timeouts).toBe(0);
});

test("maxTotalSockets does not count connections that failed", async () => {
  const { ca, server } = await startCluster();
  const agent = open({ ca: staticCaSource(ca.pem), pool: { maxTotalSockets: 1 } });
  const url = `${server.origin}/version`;
  await server.stop();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect(await send(agent, url).outcome).toMatchObject({ code: "ECONNREFUSED" });
  }
  await server.restart(await ca.issue());
  expect(await send(agent, url).outcome).toBe(200);
});
