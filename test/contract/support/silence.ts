/**
 * A body that is silent for longer than the runtime's own limit for that, by the shortest way that there
 * is to get there. A request without our settings is the control: its body began later, and has to end.
 *
 * @module
 */

import { expect } from "vitest";
import { entry, lane } from "./entry.ts";
import { runProgram } from "./program.ts";
import { connectClient, control, rejection, startCluster } from "./scene.ts";

/** Fails where the runtime ends a silent body of ours. */
export async function silenceLongerThanTheRuntimeAllows(): Promise<void> {
  switch (lane) {
    case "node":
      return await byUndiciTicks();
    case "bun":
      return await byBunIdleTimeout();
    case "deno":
      // Its fetch has no such limit (hyper reads for as long as it takes), so none can be shortened: the
      // test of `timeoutMs` beside this one is all that there is to show.
      return;
  }
}

interface UndiciTimers {
  tick(delayMs: number): void;
}

/** undici counts long delays in ticks of its own, and lets tests move them on. */
async function byUndiciTicks(): Promise<void> {
  const { createRequire } = await import("node:module");
  const { Agent, request } = await import("undici");
  const require = createRequire(import.meta.url);
  const timers: UndiciTimers = require("undici/lib/util/timers.js");

  const { ca, server } = await startCluster();
  const { kube } = await connectClient({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
  });
  const ours = (await kube.fetch("/held-body?key=ours")).text();
  await server.held("ours");
  const dispatcher = new Agent({ connect: { ca: ca.pem } });
  const { body } = await request(`${server.origin}/held-body?key=control`, { dispatcher });
  const ended = rejection(body.text());
  await server.held("control");

  for (let minute = 0; minute < 10; minute += 1) timers.tick(60_000);
  expect(await ended).toMatchObject({ code: "UND_ERR_BODY_TIMEOUT" });
  await server.release("ours");
  expect(await ours).toBe("first\nsecond\n");
  await dispatcher.destroy();
}

/** Bun's limit is native, and can be shortened for a process. */
async function byBunIdleTimeout(): Promise<void> {
  const env = { BUN_CONFIG_HTTP_IDLE_TIMEOUT: "1" };
  const { stdout, stderr } = await runProgram("silent-body", [control.url], { env }).ended;
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual({ plain: "TimeoutError", ours: "first\nsecond\n" });
}
