/**
 * One contender that sends requests as fast as it can, round by round, on any runtime.
 *
 * @module
 */

import { obey, readArgument } from "../orders.ts";
import type { Place } from "../stage.ts";
import { bareFetch, bareHeaders, loadEntry } from "./entry.ts";
import { type Round, runRound } from "./rounds.ts";

/** Who sends, and to where. */
export interface ThroughputArgument {
  readonly contender: Contender;
  readonly place: Place;
  /** The path that is asked for. */
  readonly path: string;
}

/** Who sends. */
export type Contender = "bare fetch" | "kube.fetch" | "kube.get" | "client-node";

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

await obey({ round: (round: Round) => runRound(send, round) });
