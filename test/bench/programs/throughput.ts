/**
 * One contender that sends requests as fast as it can, round by round, on any runtime.
 *
 * @module
 */

import type { KubeClient } from "../../../src/index.ts";
import { obey, readArgument } from "../orders.ts";
import type { Place } from "../stage.ts";
import { bareFetch, bareHeaders, loadEntry } from "./entry.ts";
import { type SendOne, bareDispatch, bareSockets } from "./bare.ts";
import { type Round, runRound } from "./rounds.ts";

/** Who sends, and to where. */
export interface ThroughputArgument {
  readonly contender: Contender;
  readonly place: Place;
  /** The path that is asked for. */
  readonly path: string;
}

/** Who sends. */
export type Contender =
  | "bare fetch"
  | "bare dispatch"
  | "bare sockets"
  | "kube.fetch"
  | "kube.get"
  | "kube.fetch over sockets"
  | "kube.get over sockets"
  | "client-node";

/** As long as reanchor's own. */
const TIMEOUT_MS = 90_000;

type Http = "runtime" | "sockets";

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
  "bare dispatch": async () => await bareDispatch(place, path),
  "bare sockets": async () => await bareSockets(place, path),
  "kube.fetch": async () => await byFetch("runtime"),
  "kube.get": async () => await byGet("runtime"),
  "kube.fetch over sockets": async () => await byFetch("sockets"),
  "kube.get over sockets": async () => await byGet("sockets"),
  async "client-node"() {
    const { CoreV1Api, KubeConfig } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromCluster(place.fileSystem);
    const api = config.makeApiClient(CoreV1Api);
    return async () => await api.listNamespace();
  },
};

async function connectBy(http: Http): Promise<KubeClient> {
  const { connect, inCluster } = await loadEntry(place.dist);
  return await connect({ config: await inCluster({ root: place.root }), http });
}

async function byGet(http: Http): Promise<SendOne> {
  const kube = await connectBy(http);
  return async () => await kube.get(path);
}

async function byFetch(http: Http): Promise<SendOne> {
  const kube = await connectBy(http);
  return async () => {
    const response = await kube.fetch(path);
    return (await response.json()) as unknown;
  };
}

const send = await contenders[contender]();

await obey({ round: (round: Round) => runRound(send, round) });
