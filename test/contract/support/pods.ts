/**
 * Pods that are written at a server, and what a client is told of them.
 *
 * @module
 */

import { onTestFinished } from "vitest";
import type { KubeObject, ObjectChange, Watch } from "../../../src/index.ts";
import type { TestServer } from "../../support/api-server.ts";
import { seededRandom } from "../../../src/testing/model/faults.ts";
import type { ApiObject, StoredObject } from "../../../src/testing/model/objects.ts";
import { until } from "./scene.ts";

/** A pod of one container. */
export function aPod(name: string, namespace = "default", more: ApiObject = {}): ApiObject {
  const spec = { containers: [{ name: "main", image: "web" }] };
  return { spec, ...more, metadata: { name, namespace, ...more.metadata } };
}

/** An event in short: what a test compares. */
export function inShort({ type, object }: ObjectChange<KubeObject>): string {
  const { name, resourceVersion } = object.metadata;
  return `${type} ${name} ${resourceVersion}`;
}

/** Writes pods of one namespace, and notes what a watch has to tell of them. */
export interface PodWriter {
  /** Everything that a watch from the beginning is to tell, in order. */
  readonly expected: string[];
  /** Creates, changes and deletes, so many times, each after what was asked for before. */
  write(count: number): Promise<void>;
}

/** Makes a writer, who alone writes to the server. */
export async function createPodWriter(
  { fake }: TestServer,
  namespace = "default",
): Promise<PodWriter> {
  const random = seededRandom(1);
  const there = new Set<string>();
  const expected: string[] = [];
  let revision = await fake.revision();

  async function writeOne(): Promise<void> {
    const name = `pod-${Math.floor(random() * 8)}`;
    const isThere = there.has(name);
    revision += 1;
    if (isThere && random() < 0.3) {
      there.delete(name);
      await fake.remove("pods", namespace, name);
      expected.push(`deleted ${name} ${revision}`);
      return;
    }
    there.add(name);
    const { metadata }: StoredObject = await fake.put("pods", aPod(name, namespace));
    expected.push(`${isThere ? "modified" : "added"} ${name} ${metadata.resourceVersion}`);
  }

  async function writeAll(count: number): Promise<void> {
    for (let written = 0; written < count; written += 1) await writeOne();
  }

  let last = Promise.resolve();
  return {
    expected,
    write(count) {
      last = last.then(async () => await writeAll(count));
      return last;
    },
  };
}

/** What a watch has told. */
export interface Told {
  /** Each change in short. */
  readonly events: string[];
  /** The versions at which it said that all that was there had been told. */
  readonly synced: string[];
  /** Waits until so many changes have been told. */
  count(count: number): Promise<void>;
}

/** Reads a watch until the test ends. */
export function listen(watch: Watch<KubeObject>): Told {
  const events: string[] = [];
  const synced: string[] = [];

  async function read(): Promise<void> {
    for await (const event of watch) {
      if (event.type === "synced") synced.push(event.resourceVersion);
      else events.push(inShort(event));
    }
  }

  let failure: Error | undefined;
  const reading = read().catch((error: unknown) => {
    failure = new Error("Cannot read on: the watch has failed", { cause: error });
  });
  onTestFinished(async () => {
    await watch.return();
    await reading;
  });
  return {
    events,
    synced,
    async count(count) {
      await until(`${count} changes have been told`, () => {
        if (failure !== undefined) throw failure;
        return events.length >= count;
      });
    },
  };
}
