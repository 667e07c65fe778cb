/**
 * Accounts and clients in the cluster for one test. They are removed when the test ends.
 *
 * @module
 */

import { inject, onTestFinished } from "vitest";
import type { ConnectOptions, KubeClient, ReanchorEvent } from "../../../src/index.ts";
import { entry } from "../../contract/support/entry.ts";
import { hasExclusiveTransport } from "../../contract/support/traits.ts";
import { type Cluster, joinCluster } from "../../support/cluster.ts";
import { type ServiceAccount, createServiceAccount } from "../../support/service-account.ts";

export { rejection } from "../../support/rejection.ts";

/** The cluster that all tests share, except those that stop it. */
export const cluster: Cluster = await joinCluster(inject("cluster"));

/** Shorter than a test's own limit, so that a hanging request is what fails. */
const REQUEST_LIMIT_MS = 15_000;

/**
 * The trust settings. On Deno each of the two has its own transport: `fetch` with HTTP/2, and `node:https`
 * with HTTP/1.1.
 */
export const ways: readonly { way: string; settings: ConnectOptions; http2: boolean }[] =
  hasExclusiveTransport
    ? [
        { way: "HTTP/2", settings: {}, http2: true },
        { way: "HTTP/1.1, trusted exclusively", settings: { exclusiveTrust: true }, http2: false },
      ]
    : [{ way: "HTTP/1.1", settings: {}, http2: false }];

/** Creates a service account, whose volume is removed when the test ends. */
export async function createAccount(
  at: Cluster = cluster,
  resources: readonly string[] = [],
): Promise<ServiceAccount> {
  const account = await createServiceAccount(at, resources);
  onTestFinished(() => account.volume.remove());
  return account;
}

/** A client and its events. */
export interface ObservedClient {
  readonly kube: KubeClient;
  readonly events: ReanchorEvent[];
}

/** How {@linkcode connectAs} differs from a program in a pod. */
export interface ConnectAsOptions {
  readonly at?: Cluster;
  /** The maximum age of its files. @default 60_000 */
  readonly reloadIntervalMs?: number;
  readonly settings?: ConnectOptions;
}

/** Connects with an account's files. */
export async function connectAs(
  { namespace, volume }: ServiceAccount,
  { at = cluster, reloadIntervalMs = 60_000, settings }: ConnectAsOptions = {},
): Promise<ObservedClient> {
  const config = {
    server: at.origin,
    ca: entry.fileCaSource(volume.caFile, { reloadIntervalMs }),
    token: entry.fileTokenSource(volume.tokenFile, { reloadIntervalMs }),
    namespace,
  };
  return await connect({ config, timeoutMs: REQUEST_LIMIT_MS, ...settings });
}

/** Connects a client, which is closed when the test ends. */
export async function connect(options: ConnectOptions): Promise<ObservedClient> {
  const events: ReanchorEvent[] = [];
  const kube = await entry.connect({ onEvent: (event) => void events.push(event), ...options });
  onTestFinished(() => kube.close());
  return { kube, events };
}

/** The type of each event, in order. */
export function types(events: readonly ReanchorEvent[]): string[] {
  return events.map(({ type }) => type);
}
