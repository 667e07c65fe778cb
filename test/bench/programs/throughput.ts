/**
 * One contender that sends requests as fast as it can, round by round, on any runtime.
 *
 * @module
 */

import process from "node:process";
import { obey, readArgument } from "../orders.ts";
import type { Place } from "../stage.ts";
import { bareFetch, bareHeaders, loadEntry } from "./entry.ts";

/** Who sends, and to where. */
export interface ThroughputArgument {
  readonly contender: Contender;
  readonly place: Place;
  /** The path that is asked for. */
  readonly path: string;
}

/** Who sends. */
export type Contender = "bare fetch" | "kube.fetch" | "kube.get" | "client-node";

/** What a round is. */
export interface Round {
  readonly durationMs: number;
  /** How many requests are in flight. */
  readonly atOnce: number;
}

/** What a round came to. */
export interface RoundResult {
  readonly requests: number;
  readonly ms: number;
  /** The time that this process used, in microseconds: all its threads, garbage collection included. */
  readonly cpuUs: number;
}

type SendOne = () => Promise<unknown>;

/** As long as reanchor's own. */
const TIMEOUT_MS = 90_000;

const { contender, place, path } = readArgument() as ThroughputArgument;

const contenders: Record<Contender, () => Promise<SendOne>> = {
  async "bare fetch"() {
    const send = await bareFetch(place);
    const headers = await bareHeaders(place.root);
    return async () => {
      // With a time limit up to the headers, as reanchor has one.
      const end = new AbortController();
      const timer = setTimeout(() => end.abort(), TIMEOUT_MS);
      const response = await send(`${place.origin}${path}`, { headers, signal: end.signal });
      clearTimeout(timer);
      return await response.json();
    };
  },
  async "kube.fetch"() {
    const { connect, inCluster } = await loadEntry(place.dist);
    const kube = await connect({ config: await inCluster({ root: place.root }) });
    return async () => {
      const response = await kube.fetch(path);
      return (await response.json()) as unknown;
    };
  },
  async "kube.get"() {
    const { connect, inCluster } = await loadEntry(place.dist);
    const kube = await connect({ config: await inCluster({ root: place.root }) });
    return async () => await kube.get(path);
  },
  async "client-node"() {
    const { CoreV1Api, KubeConfig } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromCluster(place.fileSystem);
    const api = config.makeApiClient(CoreV1Api);
    return async () => await api.listNamespace();
  },
};

const send = await contenders[contender]();

async function runRound({ durationMs, atOnce }: Round): Promise<RoundResult> {
  // An idle connection may have been closed since the last round.
  await Promise.all(Array.from({ length: atOnce }, send));
  const startedAt = performance.now();
  const usedBefore = process.cpuUsage();
  let requests = 0;
  async function loop(): Promise<void> {
    while (performance.now() - startedAt < durationMs) {
      await send();
      requests += 1;
    }
  }
  await Promise.all(Array.from({ length: atOnce }, loop));
  const { user, system } = process.cpuUsage(usedBefore);
  return { requests, ms: performance.now() - startedAt, cpuUs: user + system };
}

await obey({ round: runRound });
