/**
 * A watch that is cut off at any byte, and split into chunks of any size.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { Pod } from "../../src/resources/index.ts";
import type { ApiObject, StoredObject } from "../../src/testing/model/objects.ts";
import { type Told, aPod, listen } from "./support/pods.ts";
import { connectQuicklyTo } from "./support/quickly.ts";
import { type ObservedClient, startCluster, until } from "./support/scene.ts";
import { ways } from "./support/ways.ts";

/** Cuts come after each of these numbers of bytes. */
const OFFSETS = Array.from({ length: 384 }, (_, offset) => offset);
const PIECES = [1, 7, 64];
/** How many watches are cut at once. */
const READERS = 24;

interface Reader extends ObservedClient {
  readonly namespace: string;
  readonly told: Told;
  readonly expected: string[];
}

describe.each(ways)("a watch over $way", ({ http2, settings }) => {
  test("misses and repeats nothing when it is cut after any number of bytes", async () => {
    const cluster = await startCluster({ fakeApi: {}, http2 });
    const { fake } = cluster.server;

    async function startReader(index: number): Promise<Reader> {
      const namespace = `n-${index}`;
      const client = await connectQuicklyTo(cluster, settings);
      const told = listen(client.kube.resource(Pod, { namespace }).watch());
      await until("it has begun", () => told.synced.length === 1);
      return { ...client, namespace, told, expected: [] };
    }

    /** Writes two events. The cut is in the first or in the second. */
    async function write({ namespace, told, expected }: Reader): Promise<void> {
      for (const name of ["a", "b"]) {
        const { metadata } = await fake.put("pods", multiByte(name, namespace));
        const type = expected.length < 2 ? "added" : "modified";
        expected.push(`${type} ${name} ${metadata.resourceVersion}`);
      }
      await told.count(expected.length);
    }

    const readers = await Promise.all(Array.from({ length: READERS }, (_, n) => startReader(n)));
    for (let first = 0; first < OFFSETS.length; first += READERS) {
      for (const [index, { namespace }] of readers.entries()) {
        const cutAfterBytes = first + index;
        const chunkBytes = PIECES[cutAfterBytes % PIECES.length] ?? 1;
        await fake.faults.next({ verb: "watch", namespace }, { cutAfterBytes, chunkBytes });
      }
      await fake.endWatches();
      await Promise.all(readers.map(write));
    }

    for (const { told, expected } of readers) expect(told.events).toEqual(expected);
    const rounds = OFFSETS.length / READERS;
    for (const { events } of readers.slice(1)) {
      const cuts = events.filter(({ type }) => type === "watch-interrupted");
      expect(cuts.length).toBeGreaterThanOrEqual(rounds);
    }
    const [last] = (await fake.objects("pods")).slice(-1);
    expect(OFFSETS.length).toBeGreaterThan(lineBytes(last));
    expect(OFFSETS.length).toBeLessThan(2 * lineBytes(last));
  });

  test.each(PIECES)(
    "decodes characters that are split by chunks of %i bytes",
    async (chunkBytes) => {
      const cluster = await startCluster({ fakeApi: {}, http2 });
      const { fake } = cluster.server;
      await fake.put("pods", multiByte("a", "default"));
      await fake.faults.next({ verb: "watch" }, { chunkBytes });
      const { kube } = await connectQuicklyTo(cluster, settings);
      const watch = kube.resource(Pod).watch();
      const { value } = await watch.next();
      await watch.return();
      expect(value).toMatchObject({ object: { metadata: { annotations: { text: TEXT } } } });
    },
  );
});

const TEXT = "Grüße 🏠 第一";

function multiByte(name: string, namespace: string): ApiObject {
  return aPod(name, namespace, { metadata: { annotations: { text: TEXT } } });
}

/** The length of an object's line in a watch. */
function lineBytes(object: StoredObject | undefined): number {
  return new TextEncoder().encode(JSON.stringify({ type: "ADDED", object })).length + 1;
}
