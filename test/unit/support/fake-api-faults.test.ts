/**
 * Faults of the model of the API server.
 *
 * @module
 */

import { expect, test } from "vitest";
import { fakeFetch } from "../../../src/testing/model/fake-fetch.ts";
import { CONFIG_MAPS, PODS, configMap, start } from "./fake-api-scene.ts";

test("faults.next() applies to the matching requests, as often as it says", async () => {
  const { api, send } = start();
  api.faults.next({ verb: "list" }, { status: 429, retryAfterSeconds: 2 }, 2);
  expect((await send("GET", `${CONFIG_MAPS}/a`)).status).toBe(404);
  expect((await send("GET", CONFIG_MAPS)).status).toBe(429);
  expect((await send("GET", CONFIG_MAPS)).body).toMatchObject({
    details: { retryAfterSeconds: 2 },
  });
  expect((await send("GET", CONFIG_MAPS)).status).toBe(200);
});

test("a fault cuts a body inside a character, and the watch ends", async () => {
  const { api } = start();
  api.put("configmaps", configMap("a", { x: "ü" }));
  const whole = `${JSON.stringify({ type: "ADDED", object: api.objects("configmaps")[0] })}\n`;
  const bytes = new TextEncoder().encode(whole);
  const cutAfterBytes = bytes.indexOf(0xc3) + 1;
  api.faults.next({ verb: "watch" }, { cutAfterBytes, chunkBytes: 1 });
  const response = await fakeFetch(api)(`${CONFIG_MAPS}?watch=1`);
  const chunks: Uint8Array[] = [];
  const reading = (async () => {
    for await (const chunk of response.body ?? []) chunks.push(chunk);
  })();
  await expect(reading).rejects.toThrow("network error");
  expect(chunks).toHaveLength(cutAfterBytes);
  expect(api.openWatches).toEqual([]);
});

test("a silent watch stays open and says nothing until its request is aborted", async () => {
  const { api, clock } = start();
  api.put("configmaps", configMap("a"));
  api.faults.next({ verb: "watch" }, { silentAfterBytes: 0 });
  const leaving = new AbortController();
  const response = await fakeFetch(api)(`${CONFIG_MAPS}?watch=1`, { signal: leaving.signal });
  let outcome: unknown = "none";
  const reading = response.text().catch((error: unknown) => {
    outcome = error;
  });
  await clock.advance(60_000);
  expect(outcome).toBe("none");
  leaving.abort(new Error("enough"));
  await reading;
  expect(outcome).toEqual(new Error("enough"));
  expect(api.openWatches).toEqual([]);
});

test("faults.sometimes() gives the same faults for the same seed", async () => {
  async function run(): Promise<number[]> {
    const { api, send } = start();
    api.faults.sometimes({}, { seed: 7, rate: 0.5, of: [{ status: 500 }, { status: 503 }] });
    const statuses: number[] = [];
    for (let sent = 0; sent < 20; sent += 1) statuses.push((await send("GET", PODS)).status);
    return statuses;
  }
  const statuses = await run();
  expect(new Set(statuses)).toEqual(new Set([200, 500, 503]));
  expect(await run()).toEqual(statuses);
});
