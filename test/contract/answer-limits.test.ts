/**
 * Limits of responses that are read in full. A response that stalls, drips, never ends or is too large is an
 * error, and uses no more memory than its limit.
 *
 * @module
 */

import process from "node:process";
import { describe, expect, test } from "vitest";
import { ApiError, ConnectionError, type KubeClient, TimeoutError } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import { aPod } from "./support/pods.ts";
import { entry } from "./support/entry.ts";
import { connectClient, rejection, startCluster, until } from "./support/scene.ts";
import { ways } from "./support/ways.ts";

/** Long enough for the headers on a busy machine. */
const TIMEOUT_MS = 3_000;
const DRIP_MS = TIMEOUT_MS / 10;

describe.each(ways)("a client over $way", ({ http2, settings }) => {
  async function scene(options: { timeoutMs?: number } = {}) {
    const { ca, server } = await startCluster({ http2, fakeApi: {} });
    const config = { server: server.origin, ca: entry.functionCaSource(() => ca.pem) };
    const { kube } = await connectClient({ config, ...settings, ...options });
    return { kube, server };
  }

  test("ends a response that stalls or drips after its headers, and says so", async () => {
    const { kube, server } = await scene({ timeoutMs: TIMEOUT_MS });
    const stalls = [
      "/odd-body?then=stall",
      "/odd-body?then=stall&first=100",
      "/odd-body?then=stall&first=100000",
      "/odd-body?then=stall&first=100&length=1000",
      "/odd-body?then=stall&first=100000&length=1000000",
      "/odd-body?then=stall&first=100000&encoding=gzip",
      "/odd-body?then=stall&status=500",
      "/odd-body?then=stall&status=403&first=100",
    ];
    const drips = [
      `/odd-body?then=drip&intervalMs=${DRIP_MS}`,
      `/odd-body?then=drip&intervalMs=${DRIP_MS}&first=100&length=1000`,
      `/odd-body?then=drip&intervalMs=${DRIP_MS}&length=100000`,
      `/odd-body?then=drip&intervalMs=${DRIP_MS}&status=500`,
    ];
    const errors = await Promise.all(
      [...stalls, ...drips].map((path) => rejection(kube.get(path))),
    );
    for (const error of errors) {
      expect(error).toBeInstanceOf(TimeoutError);
      expect(String(error)).toMatch(
        /its answer \(status \d+\) (?:stalled|is too slow): .* 3000 ms \(timeoutMs\)$/,
      );
    }
    await until("the connections are given up", async () => (await server.stats()).open <= 1);
  });

  test("waits for a response that comes slowly but steadily", async () => {
    const { kube } = await scene({ timeoutMs: 1_000 });
    const path = "/stream?chunks=12&intervalMs=200&size=20000";
    // The text is not JSON, and has arrived in full.
    expect(String(await rejection(kube.get(path)))).toMatch(/the answer is not JSON/);
  });

  test("reads no more than maxResponseBytes of a response, after decompression", async () => {
    const { kube } = await scene();
    const before = process.memoryUsage().rss;
    for (const path of [
      "/odd-body?then=endless",
      "/odd-body?then=endless&length=100000000000",
      "/bomb?mebibytes=500",
    ]) {
      const error = await rejection(kube.get(path, { maxResponseBytes: 1024 * 1024 }));
      expect(error).toBeInstanceOf(ConnectionError);
      expect(String(error)).toMatch(/more than 1048576 bytes \(maxResponseBytes\).*listAll\(\)/);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  });

  test("reads no more than 1 MiB of an error response", async () => {
    const { kube } = await scene();
    const before = process.memoryUsage().rss;
    for (const path of ["/odd-body?then=endless&status=500", "/bomb?mebibytes=500&status=500"]) {
      const error = await rejection(kube.get(path));
      expect(error).toBeInstanceOf(ApiError);
      expect(error).toMatchObject({ status: 500 });
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  });

  test("reads a response of exactly maxResponseBytes, and rejects one with a byte more", async () => {
    const { kube } = await scene();
    const bytes = (await (await kube.fetch("/version")).text()).length;
    for (const read of reads(kube)) {
      expect(await read(bytes)).toHaveProperty("gitVersion");
      expect(String(await rejection(read(bytes - 1)))).toMatch(/maxResponseBytes/);
    }
  });

  test("sends a request again even if the response that rejected it stalls", async () => {
    const { kube } = await scene();
    for (const status of [429, 503]) {
      expect(await kube.get(`/stalled-refusal?key=${status}&status=${status}`)).toEqual({});
    }
    expect(await kube.get("/stalled-refusal?key=302&status=302")).toHaveProperty("gitVersion");
  });

  test("limits a list, an object and a log by the option of each call", async () => {
    const { kube, server } = await scene();
    await server.fake.put("pods", aPod("web"));
    const pods = kube.resource(Pod);
    const limit = { maxResponseBytes: 10 };
    const calls = [
      async () => await pods.get("web", limit),
      async () => await pods.list(limit),
      async () => await pods.listAll(limit)[Symbol.asyncIterator]().next(),
      async () => await pods.patch("web", {}, limit),
      async () => await pods.logText("web", limit),
      async () => await pods.delete("web", limit),
    ];
    await server.fake.log("web", "main", "a line of more than ten bytes");
    for (const call of calls) {
      expect(String(await rejection(call()))).toMatch(/more than 10 bytes \(maxResponseBytes\)/);
    }
  });
});

function reads(kube: KubeClient): ((maxResponseBytes: number) => Promise<unknown>)[] {
  return [
    async (maxResponseBytes) => await kube.get("/version", { maxResponseBytes }),
    async (maxResponseBytes) => await kube.post("/version", {}, { maxResponseBytes }),
  ];
}
