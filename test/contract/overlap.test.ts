/**
 * Clause b: a rotation with overlap fails no request.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import { connectClient, createVolume, startCluster, types, until } from "./support/scene.ts";

const LOOPS = 32;
const ROTATIONS = 3;

describe.each(authorityKinds)("$kind", ({ next, settings }) => {
  // Once so that only rejected handshakes cause a reload, and once so that it reloads all the time.
  test.each([60_000, 20])(
    "fetch() fails no request of 32 loops in three rotations at an interval of %i ms",
    async (reloadIntervalMs) => {
      let { ca, server } = await startCluster({}, await next());
      const volume = await createVolume({ ca: ca.pem });
      const source = entry.fileCaSource(volume.caFile, { reloadIntervalMs });
      const { kube, events } = await connectClient({
        config: { server: server.origin, ca: source },
        ...settings,
      });

      let done = 0;
      let running = true;
      const failures: unknown[] = [];
      const loops = Array.from({ length: LOOPS }, async () => {
        while (running) {
          await kube.get("/version").catch((error: unknown) => failures.push(error));
          done += 1;
        }
      });
      async function more(): Promise<void> {
        const goal = done + 2 * LOOPS;
        await until("more requests are done", () => done >= goal);
      }

      for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
        const successor = await next();
        await more();
        await volume.write({ ca: ca.pem + successor.pem });
        await more();
        await server.swap({ ...(await successor.issue()), forgetSessions: true });
        await server.dropConnections();
        await more();
        await volume.write({ ca: successor.pem });
        await more();
        ca = successor;
      }
      running = false;
      await Promise.all(loops);
      expect(failures).toEqual([]);
      // Each rotation was a real one: both trust and connections were replaced.
      const opened = types(events).filter((type) => type === "generation-opened");
      expect(opened.length).toBeGreaterThan(ROTATIONS);
    },
  );
});
