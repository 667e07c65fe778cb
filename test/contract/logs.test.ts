/**
 * Following a log returns each line once, whatever interrupts it.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { ApiError, ClosedError } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import type { TestServer } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import type { ProjectedVolume } from "../support/projected-volume.ts";
import { entry } from "./support/entry.ts";
import { aPod } from "./support/pods.ts";
import { connectQuickly } from "./support/quickly.ts";
import { createVolume, rejection, startCluster, until } from "./support/scene.ts";
import { ways } from "./support/ways.ts";

describe.each(ways)("a log over $way", ({ http2, settings }) => {
  async function start() {
    const { ca, server } = await startCluster({ fakeApi: {}, http2 });
    const volume = await createVolume({ ca: ca.pem });
    const config = { server: server.origin, ca: entry.fileCaSource(volume.caFile) };
    const { kube } = await connectQuickly({ config, ...settings });
    await server.fake.put("pods", aPod("web"));
    let written = 0;

    /** Writes lines, three of which have the same timestamp. */
    async function write(count: number): Promise<void> {
      for (let line = 0; line < count; line += 1) {
        const at = timeOf(Math.floor(written / 3));
        await server.fake.log("web", "main", `line ${written} 🏠`, at);
        written += 1;
      }
    }

    return { ca, server, volume, kube, write, pods: kube.resource(Pod) };
  }

  type Scene = Awaited<ReturnType<typeof start>>;

  test.each<[what: string, act: (scene: Scene) => Promise<unknown>]>([
    ["its connection is cut", async ({ server }) => await server.dropConnections()],
    ["the CA is replaced", replaceCa],
    ["the server is down for a while", async ({ server }) => await server.restart()],
    ["the server shuts down in order", shutDown],
  ])("misses and repeats no line when %s", async (_, act) => {
    const scene = await start();
    const { server, pods, write } = scene;
    await write(50);
    const told: string[] = [];
    const reading = (async () => {
      for await (const line of pods.logs("web", { follow: true })) told.push(line);
    })();
    await until("the first are told", () => told.length === 50);
    await Promise.all([write(50), act(scene)]);
    await write(10);
    await until("the last are told", () => told.length >= 110);
    await server.fake.endLog("web", "main");
    await reading;
    expect(told).toEqual(Array.from({ length: 110 }, (__, line) => `line ${line} 🏠`));
  });

  test("misses and repeats no line when it is cut after any number of bytes", async () => {
    const { server, pods, write } = await start();
    await write(10);
    await server.fake.endLog("web", "main");
    const expected = Array.from({ length: 10 }, (__, line) => `line ${line} 🏠`);
    for (let cutAfterBytes = 1; cutAfterBytes < 10 * 44; cutAfterBytes += 7) {
      await server.fake.faults.next({ subresource: "log" }, { cutAfterBytes, chunkBytes: 9 });
      const told: string[] = [];
      for await (const line of pods.logs("web", { follow: true })) told.push(line);
      expect(told).toEqual(expected);
    }
  });

  test("returns timestamps when asked for them, and only the last lines", async () => {
    const { pods, write } = await start();
    await write(9);
    const lines: string[] = [];
    for await (const line of pods.logs("web", { timestamps: true, tailLines: 2 })) lines.push(line);
    expect(lines).toEqual([`${timeOf(2)} line 7 🏠`, `${timeOf(2)} line 8 🏠`]);
    expect(await pods.logText("web", { tailLines: 1 })).toBe("line 8 🏠\n");
  });

  test("rejects when the pod or container does not exist", async () => {
    const { pods } = await start();
    for (const [name, container, status] of [
      ["nobody", "main", 404],
      ["web", "other", 400],
    ] as const) {
      const reading = pods.logs(name, { container, follow: true }).next();
      const error = await rejection(reading);
      expect(error).toBeInstanceOf(ApiError);
      expect(error).toMatchObject({ status });
    }
  });

  test("ends with its client, even while it waits for a line", async () => {
    const { kube, pods, write } = await start();
    await write(1);
    const log = pods.logs("web", { follow: true });
    expect((await log.next()).value).toBe("line 0 🏠");
    const waiting = rejection(log.next());
    await kube.close();
    expect(await waiting).toBeInstanceOf(ClosedError);
  });
});

async function replaceCa({
  server,
  volume,
}: {
  readonly server: TestServer;
  readonly volume: ProjectedVolume;
}): Promise<void> {
  const next = await createCa();
  await volume.write({ ca: next.pem });
  await server.swap({ ...(await next.issue()), forgetSessions: true });
  await server.dropConnections();
}

async function shutDown({ server }: { readonly server: TestServer }): Promise<void> {
  await server.drainConnections();
  await server.fake.endLogStreams();
}

/** A timestamp with nine digits, a number of tenths of a second after a fixed time. */
function timeOf(tenths: number): string {
  const date = new Date(Date.UTC(2026, 0, 1) + tenths * 100);
  return date.toISOString().replace("Z", "000000Z");
}
